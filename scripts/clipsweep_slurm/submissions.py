"""What was submitted for a result folder, kept in DIR/slurm/submissions.json."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from .messages import INVALID_DATA, Problem

SCHEMA = "clipsweep/slurm-1"


@dataclass(frozen=True)
class Submission:
    """One array of tasks, and the job after it if it could be submitted."""

    job: int
    results_job: int | None
    parts: int  # of the whole sweep
    trained: str  # those of them that were left: `1-3,7`

    @property
    def jobs(self) -> list[int]:
        return [self.job] + ([self.results_job] if self.results_job is not None else [])


def slurm_folder(out: Path) -> Path:
    return out / "slurm"


def _file(out: Path) -> Path:
    return slurm_folder(out) / "submissions.json"


def read_submissions(out: Path) -> list[Submission]:
    """Return all submissions, oldest first."""
    path = _file(out)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return [Submission(**entry) for entry in document["submissions"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Problem(
            f"{path}: cannot be read ({error}); remove it if no job of this folder is queued",
            INVALID_DATA,
        ) from error


def add_submission(out: Path, submission: Submission) -> None:
    """Add one; the file is replaced at once, so that it is whole whatever happens."""
    entries = [asdict(each) for each in (*read_submissions(out), submission)]
    text = json.dumps({"schema": SCHEMA, "submissions": entries}, indent=2) + "\n"
    temporary = _file(out).with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, _file(out))
