"""The share of seeds that have solved the task, over the steps, where a task can be solved."""

import numpy as np
from clipsweep_results.result_folder import Arm

from ..drawing.curves import CurveKind, Curves, draw_curves, limit_to_plan
from ..drawing.layout import NamedFigure, NotDrawn
from ..drawing.panel_page import PanelPage
from ..drawing.sources import Sources

STEM = "success"


def draw_success(sources: Sources) -> list[NamedFigure]:
    """Draw a step function per arm: it rises where a run is first evaluated as solved."""
    runs = sources.results.runs
    solved = [run for run in runs if run.solved_at_step is not None]
    if not solved:
        raise NotDrawn("no run has solved its task, or the task cannot be solved")
    kind = CurveKind(
        stem=STEM,
        title=f"{len(solved)} of {len(runs)} runs solve the task{_best(sources)}",
        caption="Share of the seeds of an arm that have solved the task in some evaluation so far. A "
        "run that solves it may lose it again: the tables say how many still solve it at the end.",
        alt="Share of seeds that have solved the task against step, one line per arm",
        x_label="step",
        y_label="seeds that solved the task (%)",
        curves=lambda arm: success_share(arm, sources.results.plan.planned_steps),
        bands=False,
        drawstyle="steps-post",
    )
    return draw_curves(sources, sources.arms, kind, _limit)


def _best(sources: Sources) -> str:
    """Name the arms in which every run solves the task, if they are few."""
    shares = {arm: sum(run.solved_at_step is not None for run in arm.runs) for arm in sources.arms}
    highest = max(shares[arm] / len(arm.runs) for arm in shares)
    best = [arm for arm in shares if shares[arm] / len(arm.runs) == highest]
    if len(best) > 2:
        return f"; {len(best)} arms in {100 * highest:.0f} % of their seeds"
    names = " and ".join(arm.label for arm in best)
    return f"; most often {names} ({100 * highest:.0f} %)"


def success_share(arm: Arm, planned_steps: int) -> Curves:
    """Return the percentage of the arm's runs that have solved the task by each step."""
    times = [run.solved_at_step for run in arm.runs if run.solved_at_step is not None]
    steps = np.array(sorted({0, planned_steps, *times}))
    shares = [100 * sum(time <= step for time in times) / len(arm.runs) for step in steps]
    return Curves(steps, np.array(shares)[:, np.newaxis])


def _limit(results, page: PanelPage) -> None:
    limit_to_plan(results, page)
    for _, axes in page.pairs():
        axes.set_ylim(0, 104)
        axes.set_yticks([0, 25, 50, 75, 100])
