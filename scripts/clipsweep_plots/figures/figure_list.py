"""The list of all figures, in the order of the report."""

from collections.abc import Callable, Iterable

from ..drawing.layout import NamedFigure, NotDrawn
from ..drawing.sources import Sources
from .clipping_curves import draw_clipped_share, draw_cosine
from .events import draw_events
from .gate_shares import draw_gate_shares
from .gradient_norm import draw_gradient_norm
from .heat_map import draw_heat_map
from .learning_curves import draw_test_accuracy, draw_training_loss
from .learning_rates import draw_accuracy_by_learning_rate
from .noise_floor import draw_noise_floor
from .norm_histogram import draw_norm_histogram
from .paired import draw_paired_differences, draw_paired_losses
from .spectral_radius import draw_spectral_radius
from .through_time import draw_gradient_through_time

# The function that draws each figure, by the figure's name; it returns the pages.
FIGURES: dict[str, Callable[[Sources], list[NamedFigure]]] = {
    "paired_difference": draw_paired_differences,
    "paired_loss": draw_paired_losses,
    "noise_floor": draw_noise_floor,
    "accuracy_by_learning_rate": draw_accuracy_by_learning_rate,
    "final_accuracy": draw_heat_map,
    "training_loss": draw_training_loss,
    "test_accuracy": draw_test_accuracy,
    "clipped_share": draw_clipped_share,
    "cosine": draw_cosine,
    "gradient_norm": draw_gradient_norm,
    "gradient_norm_histogram": draw_norm_histogram,
    "gradient_through_time": draw_gradient_through_time,
    "gate_shares": draw_gate_shares,
    "spectral_radius": draw_spectral_radius,
    "events": draw_events,
}


def draw_figures(
    sources: Sources, names: Iterable[str]
) -> tuple[list[NamedFigure], dict[str, str]]:
    """Draw the named figures; return their pages, and the reasons for figures that are not drawn."""
    drawn, not_drawn = [], {}
    for name in names:
        try:
            drawn += FIGURES[name](sources)
        except NotDrawn as reason:
            not_drawn[name] = str(reason)
    return drawn, not_drawn
