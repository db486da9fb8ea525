"""`scripts/slurm`: submits a sweep, or says how far it is."""

import shlex
from pathlib import Path

from .batch_scripts import array_text, log_pattern, results_script, train_script
from .messages import SUCCESS, USAGE, Problem, complain, counted
from .options import Options, parse_submission, parse_words
from .site import has_slurm, largest_array, queued, submit
from .status import exit_code_of, parts_text, run_states, runs_text
from .submissions import Submission, add_submission, read_submissions, slurm_folder
from .sweep_program import Parts, plan_parts, prepare_folder


def show_status(out: Path) -> int:
    """Print what is done, running, failed and left; return the exit code that says it."""
    states = run_states(out)
    code = exit_code_of(states)
    lines = runs_text(states)
    queue = None
    if submissions := read_submissions(out):
        last = submissions[-1]
        queue = _queue_if_known(last)
        if code != SUCCESS:
            lines += parts_text(out, last, queue)
    if code != SUCCESS and not queue:
        lines.append("The same scripts/slurm command trains what is left.")
    print("\n".join(lines))
    return code


def _queue_if_known(submission: Submission) -> dict[str, str] | None:
    """Return the queue of a submission; None where there is no Slurm, or no answer from it."""
    if not has_slurm():
        return None
    try:
        return queued(submission.jobs)
    except Problem as problem:
        complain(str(problem))
        return None


def _commands(options: Options, results_after: str) -> list[list[str]]:
    """Return the options of sbatch for both scripts."""
    folder = slurm_folder(options.out)
    tasks = [f"--output={log_pattern(folder, '%A_%a.log')}", *options.sbatch]
    results = [
        f"--dependency=afterany:{results_after}",
        f"--output={log_pattern(folder, 'results-%j.log')}",
        *options.sbatch,
    ]
    return [tasks, results]


def _parallel_line(options: Options) -> str:
    """Return the command that trains all parts on this machine, with GNU parallel."""
    sweep = shlex.join(["clipsweep", "sweep", *options.sweep, "--out", str(options.out)])
    return (
        f"seq {options.tasks} | parallel {shlex.quote(sweep)} --workers 1 --quiet "
        f"--shard {{}}/{options.tasks}"
    )


def _require_empty_queue(options: Options) -> None:
    jobs = [job for each in read_submissions(options.out) for job in each.jobs]
    if waiting := queued(jobs):
        job = next(iter(waiting)).partition("_")[0]
        raise Problem(
            f"{options.out}: job {job} of this folder is still queued or running "
            f"({counted(len(waiting), 'task')}); wait for it, or end it with scancel {job}"
        )


def _largest_array(options: Options) -> int:
    """Return how many tasks an array may have; a dry run takes any number where Slurm is silent."""
    try:
        if not has_slurm():
            raise Problem("sbatch not found: no Slurm on this machine", USAGE)
        return largest_array()
    except Problem as problem:
        if options.dry_run:
            return options.tasks
        raise Problem(
            f"{problem}; to train here, with GNU parallel: {_parallel_line(options)}",
            problem.exit_code,
        ) from problem


def _say_if_cut(options: Options, count: int) -> None:
    if count < options.tasks:
        complain(
            f"--tasks {options.tasks:,} is more than this site allows; {count:,} tasks have "
            "larger parts instead"
        )


def _print_scripts(options: Options, parts: Parts) -> None:
    folder = slurm_folder(options.out)
    tasks, results = _commands(options, "JOB")
    scripts = (train_script(options, len(parts.runs), parts.left), results_script(options))
    for name, text, words in zip(("train.sh", "results.sh"), scripts, (tasks, results), strict=True):
        print(f"# {shlex.join(['sbatch', *words, str(folder / name)])}\n{text}")


def _submit(options: Options, parts: Parts) -> int:
    prepare_folder(options)
    folder = slurm_folder(options.out)
    folder.mkdir(exist_ok=True)
    train, results = folder / "train.sh", folder / "results.sh"
    train.write_text(train_script(options, len(parts.runs), parts.left), encoding="utf-8")
    results.write_text(results_script(options), encoding="utf-8")
    job = submit(train, _commands(options, "")[0])
    # Before the next job: this one runs already.
    trained = array_text(parts.left)
    try:
        results_job = submit(results, _commands(options, str(job))[1])
    except Problem as problem:
        add_submission(options.out, Submission(job, None, len(parts.runs), trained))
        raise Problem(
            f"{problem}; job {job} trains, but nothing compares: when it has ended, run "
            f"clipsweep summarize {shlex.quote(str(options.out))}",
            problem.exit_code,
        ) from problem
    add_submission(options.out, Submission(job, results_job, len(parts.runs), trained))
    tasks = counted(len(parts.left), "task")
    print(
        f"Job {job}: {counted(parts.runs_left, 'run')} in {tasks}; job {results_job} compares and "
        f"draws after it.\nHow far it is: scripts/slurm --status {shlex.quote(str(options.out))}"
    )
    return SUCCESS


def submit_sweep(options: Options) -> int:
    """Submit what is left of a sweep; return the exit code."""
    count = min(options.tasks, _largest_array(options))
    if not options.dry_run:
        _require_empty_queue(options)
    parts = plan_parts(options, count)
    if not parts.left:
        print(f"All {counted(sum(parts.runs), 'run')} have ended; nothing to submit.")
        return SUCCESS
    _say_if_cut(options, count)
    if options.dry_run:
        _print_scripts(options, parts)
        return SUCCESS
    return _submit(options, parts)


def main(arguments: list[str]) -> int:
    try:
        given, rest = parse_words(arguments)
        if given.status is None:
            return submit_sweep(parse_submission(given, rest))
        _require_only_status(arguments)
        return show_status(Path(given.status).absolute())
    except Problem as problem:
        complain(str(problem))
        return problem.exit_code


def _require_only_status(arguments: list[str]) -> None:
    if len(arguments) != (1 if arguments[0].startswith("--status=") else 2):
        raise Problem("--status DIR takes no other arguments", USAGE)

