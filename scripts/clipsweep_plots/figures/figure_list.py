"""The list of all figures, in the order of the report."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from ..drawing.layout import NamedFigure, NotDrawn, NotMeasured
from ..drawing.sources import Sources
from .by_setting import draw_by_setting
from .by_threshold import draw_accuracy_by_threshold, draw_loss_by_threshold
from .cliff import draw_cliff
from .clipping_curves import draw_clipped_share, draw_cosine
from .difference_curves import draw_difference_curves
from .difference_map import draw_difference_map
from .events import draw_events
from .gate_shares import draw_gate_shares
from .gradient_norm import draw_gradient_norm
from .heat_map import draw_heat_map
from .learning_curves import (
    draw_success,
    draw_test_accuracy,
    draw_training_loss,
    draw_validation_accuracy,
)
from .learning_rates import draw_accuracy_by_learning_rate
from .noise_floor import draw_noise_floor
from .norm_survival import draw_norm_survival
from .over_steps import draw_omega, draw_update_ratio
from .paired import draw_paired_differences, draw_paired_losses
from .probe_bias import draw_probe_direction, draw_probe_length
from .probe_noise import draw_probe_noise
from .probe_predictions import draw_probe_predictions
from .smoothness import draw_sharpness, draw_smoothness
from .spectral_radius import draw_spectral_radius
from .step_size_map import draw_step_size_map
from .threshold_picker import draw_threshold_picker
from .through_time import draw_gradient_through_time

# The function that draws each figure, by the figure's name; it returns the pages.
FIGURES: dict[str, Callable[[Sources], list[NamedFigure]]] = {
    "paired_difference": draw_paired_differences,
    "by_setting": draw_by_setting,
    "accuracy_by_threshold": draw_accuracy_by_threshold,
    "accuracy_by_learning_rate": draw_accuracy_by_learning_rate,
    "threshold_picker": draw_threshold_picker,
    "test_accuracy": draw_test_accuracy,
    "validation_accuracy": draw_validation_accuracy,
    "difference_map": draw_difference_map,
    "success": draw_success,
    "difference_curves": draw_difference_curves,
    "paired_loss": draw_paired_losses,
    "loss_by_threshold": draw_loss_by_threshold,
    "final_accuracy": draw_heat_map,
    "step_size_map": draw_step_size_map,
    "noise_floor": draw_noise_floor,
    "training_loss": draw_training_loss,
    "clipped_share": draw_clipped_share,
    "cosine": draw_cosine,
    "gradient_norm": draw_gradient_norm,
    "gradient_norm_survival": draw_norm_survival,
    "update_ratio": draw_update_ratio,
    "omega": draw_omega,
    "gradient_through_time": draw_gradient_through_time,
    "probe_predictions": draw_probe_predictions,
    "probe_noise": draw_probe_noise,
    "probe_direction": draw_probe_direction,
    "probe_length": draw_probe_length,
    "smoothness": draw_smoothness,
    "sharpness": draw_sharpness,
    "gate_shares": draw_gate_shares,
    "spectral_radius": draw_spectral_radius,
    "cliff": draw_cliff,
    "events": draw_events,
}
# The figures of the answer: the first few of these that a sweep has are the first of the report.
ANSWERING = (
    "by_setting",
    "paired_difference",
    "accuracy_by_threshold",
    "success",
    "accuracy_by_learning_rate",
    "threshold_picker",
    "difference_map",
    "test_accuracy",
    "training_loss",
)
MAX_ANSWERING = 4
# The figures of accuracies at the end: all are at chance level if every run diverged.
OF_ACCURACIES = (
    "paired_difference",
    "accuracy_by_threshold",
    "accuracy_by_learning_rate",
    "difference_map",
    "final_accuracy",
    "by_setting",
)
# The figures that show every setup of a sweep.
OF_ALL_SETUPS = ("by_setting",)


def draw_figures(
    sources: Sources, names: Iterable[str], *, is_report: bool = False
) -> tuple[list[NamedFigure], dict[str, str]]:
    """Draw the named figures; return their pages, and the reasons for figures that are not drawn.

    A report gives no reason for what the sweep was not asked to measure. A figure with panels for each setup shows a few of many setups, and says so.
    """
    drawn, not_drawn = [], {}
    few = sources.of_few_setups()
    for name in names:
        shown = sources if name in OF_ALL_SETUPS else few
        try:
            if name in OF_ACCURACIES and sources.all_diverged:
                raise NotDrawn("every run diverged")
            pages = FIGURES[name](shown)
        except NotDrawn as reason:
            if not (is_report and isinstance(reason, NotMeasured)):
                not_drawn[name] = str(reason)
            continue
        note = shown.sheet.note
        drawn += [replace(page, caption=f"{page.caption} {note}".rstrip()) for page in pages]
    return drawn, not_drawn
