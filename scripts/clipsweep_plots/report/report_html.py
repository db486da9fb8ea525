"""report.html: the answer, tables, figures and provenance, in one self-contained file.

The page opens no connection: its content security policy allows only embedded images, its own style
sheet and the one script whose hash it contains.
"""

import base64
import hashlib
from pathlib import Path

from clipsweep_results.constants import Constants
from clipsweep_results.result_folder import Results
from clipsweep_results.summary import JUDGED, Summary
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..drawing import style
from ..drawing.figure_files import EmbeddedFigure
from ..figures.figure_list import ANSWERING, MAX_ANSWERING, OF_ALL_SETUPS
from . import arm_tables, phrases, run_tables
from .caveats import count_states, further_notes, urgent_notes
from .conclusions import headline, how_sure, read_answer, setup_of
from .interval_glyph import WIDTH, axis_reach, interval_glyph
from .provenance import describe_sweep, read_provenance
from .setup_table import answered_setups, count_verdicts, setup_table

HERE = Path(__file__).parent


def render_report(
    results: Results,
    summary: Summary | None,
    notes: list[str],
    figures: list[EmbeddedFigure],
    drawing_command: str,
) -> str:
    """Render the page; `notes` are sentences about missing or inconsistent data."""
    script = (HERE / "report.js").read_text(encoding="utf-8")
    return (
        _environment()
        .get_template("report_template.html")
        .render(
            name=results.plan.folder.resolve().name,
            plan=results.plan,
            what=describe_sweep(results.plan),
            states=count_states(results),
            urgent=urgent_notes(results, summary) + ([] if summary else notes),
            notes=further_notes(results, summary) + (notes if summary else []),
            summary=summary,
            several_setups=len(results.setups) > 1,
            constants=summary.constants if summary else Constants(),
            **(_summary_parts(summary) if summary else {}),
            **_split(figures),
            diverged=run_tables.diverged_table(results),
            divergences=run_tables.count_divergences(results),
            spikes=sum(run.spikes for run in results.runs),
            left_out=run_tables.left_out_table(results),
            runs=run_tables.run_table(results),
            made=read_provenance(results.plan, drawing_command),
            folder=results.plan.folder,
            style_sheet=(HERE / "report.css").read_text(encoding="utf-8"),
            script=script,
            script_hash=_hash(script),
        )
    )


def _split(figures: list[EmbeddedFigure]) -> dict[str, list[EmbeddedFigure]]:
    """Return the figures that answer the question, and the further ones."""
    by_name = {figure.name: figure for figure in figures}
    drawn = [name for name in ANSWERING if name in by_name]
    short = [name for name in drawn if len(by_name[name].pages) == 1 or name in OF_ALL_SETUPS]
    chosen = (short or drawn)[:MAX_ANSWERING]
    return {
        "answering": [by_name[name] for name in chosen],
        "further": _pair_up([figure for figure in figures if figure.name not in chosen]),
    }


def _pair_up(figures: list[EmbeddedFigure]) -> list[EmbeddedFigure]:
    """Let each figure of half the page's width be next to another such one, where there is one."""
    ordered, waiting = [], None
    for figure in figures:
        if not figure.is_half:
            ordered.append(figure)
        elif waiting is None:
            waiting = figure
        else:
            ordered += [waiting, figure]
            waiting = None
    return ordered + ([waiting] if waiting else [])


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = _unbroken
    environment.globals |= {
        "number": style.number,
        "plural": phrases.plural,
        "headline": headline,
        "setup_of": setup_of,
        "embed_rows": run_tables.embed_rows,
        "glyph_width": WIDTH,
    }
    return environment


def _unbroken(text: str) -> str:
    """Keep numbers and their % on one line."""
    return text.replace(" %", "\u00a0%")


def _hash(script: str) -> str:
    """Return the hash of the script for the content security policy."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _summary_parts(summary: Summary) -> dict:
    """Return the parts of the page that come from the summary."""
    compared = arm_tables.listed_arms(summary)
    reach = axis_reach(compared)
    answered = answered_setups(summary)
    return {
        "answer": read_answer(summary),
        "setups": setup_table(answered, summary.axes) if answered else None,
        "setups_verdict": count_verdicts(answered, summary.constants.judged_name),
        "certainties": [] if answered else how_sure(summary),
        "modes": arm_tables.mode_table(summary),
        "noise": [
            phrases.describe_noise(floor, summary.constants.judged_name)
            for floor in summary.noise_floor
        ],
        "arms": arm_tables.arm_table(summary),
        "unlisted_arms": len(summary.arms) - len(compared),
        "glyphs": [
            interval_glyph(subject.difference(JUDGED), reach) for subject in compared
        ],
        "glyph_reach": style.decimal(100 * reach, 1) if reach else None,
        "measures": arm_tables.measure_table(summary),
    }
