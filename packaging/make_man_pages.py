#!/usr/bin/env python3
"""Writes the manual pages of clipsweep from its help texts: one page, and one for each command.

    make_man_pages.py build/release/clipsweep FOLDER [EMULATOR]

EMULATOR runs a program that was compiled for another processor.
"""

import os
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

# `  NAME   words`, the words in column 26, or in the lines below a long NAME.
WORDS_COLUMN = 26
ENTRY = re.compile(r"  (\S.*?)(?: {2,}(\S.*))?")
CONTINUATION = " " * WORDS_COLUMN
NO_HYPHENATION = ".nh\n"
MAX_LINE = 72


def main(program: str, folder: str, *emulator: str) -> None:
    command_line = [*emulator, program]
    version = help_of(command_line, "version").split(" (")[0]
    overview = help_of(command_line, "help")
    summaries = {usage.split()[0]: words for usage, words in entries(overview)}
    pages = {"clipsweep": overview_page(overview)}
    for command, summary in summaries.items():
        text = help_of(command_line, "help", command)
        pages[f"clipsweep-{command}"] = command_page(command, summary, text, overview)
    Path(folder).mkdir(parents=True, exist_ok=True)
    for old in Path(folder).glob("*.1"):
        old.unlink()
    for name, page in pages.items():
        title = f'.TH {escaped(name.upper())} 1 {build_date(program)} "{version}" "User Commands"\n'
        others = see_also(other for other in pages if other != name)
        text = title + NO_HYPHENATION + without_empty_paragraphs(page + others)
        (Path(folder) / f"{name}.1").write_text(text, encoding="utf-8")


def build_date(program: str) -> str:
    """Return the date that reproducible builds ask for, or else that of the program."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or os.stat(program).st_mtime
    return time.strftime("%Y-%m-%d", time.gmtime(float(seconds)))


def help_of(command_line: list[str], *arguments: str) -> str:
    command = [*command_line, *arguments]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout


# The pages


def overview_page(text: str) -> str:
    intro, rest = text.split("\n\nUsage: ", 1)
    usage, rest = rest.split("\n\n", 1)
    commands, codes = rest.split("\nExit codes: ", 1)
    return (
        section("NAME", "clipsweep \\- sweep gradient clipping over training runs\n")
        + section("SYNOPSIS", synopsis(f"Usage: {usage}"))
        + section("DESCRIPTION", paragraph(intro))
        + section("COMMANDS", body(commands))
        + exit_status(codes)
        + section("ENVIRONMENT", ENVIRONMENT)
        + section("FILES", FILES)
    )


def command_page(command: str, summary: str, text: str, overview: str) -> str:
    usage, rest = text.split("\n\n", 1)
    return (
        section("NAME", f"clipsweep\\-{command} \\- {escaped(summary)}\n")
        + section("SYNOPSIS", synopsis(usage))
        + section("DESCRIPTION", body(rest))
        + exit_status(overview.split("\nExit codes: ", 1)[1])
    )


ENVIRONMENT = """\
.TP
.B CLIPSWEEP_SIMD
The instruction set of the fused engine: avx512, avx2, sse4 or scalar.
The default is the best that the machine has.
.TP
.B XDG_DATA_HOME
.B clipsweep report
uses the Python packages of clipsweep/venv in this folder if Python has none.
The default is ~/.local/share.
"""
FILES = """\
.TP
.I DIR
What
.B clipsweep sweep
writes: sweep.json, a folder per run in runs, runs.csv and summary.json.
"""


def exit_status(codes: str) -> str:
    """Return the section of `0 every run ..., 1 a run failed, ...`."""
    found = re.findall(r"(\d+) ([^,()]*(?:\([^)]*\))?)", " ".join(codes.split()))
    rows = (tagged(code, words.strip(". ")) for code, words in found)
    return section("EXIT STATUS", "".join(rows))


def see_also(names) -> str:
    references = (f".BR {escaped(name)} (1)" for name in sorted(names))
    return section("SEE ALSO", ",\n".join(references) + "\n")


# Their parts


def section(title: str, text: str) -> str:
    return f".SH {title}\n{text}"


def synopsis(usage: str) -> str:
    lines = [line.removeprefix("Usage:").strip() for line in usage.splitlines()]
    return "\n.br\n".join(bold_program(line) for line in lines) + "\n"


def bold_program(line: str) -> str:
    """Set the words before the first argument in bold: `clipsweep sweep`."""
    words = line.split()
    plain = next((i for i, word in enumerate(words) if not word.islower() or word[0] in "[-"), None)
    return f"\\fB{escaped(' '.join(words[:plain]))}\\fR {escaped(' '.join(words[plain:]))}".rstrip()


def body(text: str) -> str:
    """Return paragraphs, headings and lists of entries as they follow each other."""
    return "".join(map(block, re.split(r"\n{2,}", text.strip("\n"))))


def block(text: str) -> str:
    """Return a paragraph, or a list of entries, which may follow a heading or a paragraph."""
    lines = text.splitlines()
    result = ""
    while lines:
        count = entry_length(lines)
        if count:
            result += tagged(*parsed_entry(lines[:count]))
        elif lines[0].startswith("  "):
            count = next((i for i, line in enumerate(lines) if line[0] != " "), len(lines))
            result += f".PP\n.nf\n{escaped(chr(10).join(lines[:count]))}\n.fi\n"
        elif lines[0].endswith(":") and entry_length(lines[1:]):
            count = 1
            result += f".SS {quoted(lines[0].removesuffix(':'))}\n"
        else:
            count = next((i for i, line in enumerate(lines) if line[0] == " "), len(lines))
            result += ".PP\n" + paragraph(" ".join(lines[:count]))
        del lines[:count]
    return result


def entry_length(lines: list[str]) -> int:
    """Return how many lines the entry at the beginning has; 0 if there is none."""
    match = ENTRY.fullmatch(lines[0]) if lines else None
    below = 1
    while below < len(lines) and lines[below].startswith(CONTINUATION):
        below += 1
    return below if match and (below > 1 or match[2]) else 0


def parsed_entry(lines: list[str]) -> tuple[str, str]:
    name, words = ENTRY.fullmatch(lines[0]).groups()
    return name, " ".join(([words] if words else []) + [line.strip() for line in lines[1:]])


def entries(text: str) -> list[tuple[str, str]]:
    found, lines = [], text.splitlines()
    while lines:
        count = entry_length(lines)
        if count:
            found.append(parsed_entry(lines[:count]))
        del lines[: max(count, 1)]
    return found


def tagged(name: str, words: str) -> str:
    return f".TP\n.B {quoted(name)}\n{paragraph(words)}"


# roff


def paragraph(words: str) -> str:
    return escaped(textwrap.fill(words, MAX_LINE, break_on_hyphens=False)) + "\n"


def without_empty_paragraphs(page: str) -> str:
    return re.sub(r"^(\.S[HS] .*\n)\.PP\n", r"\1", page, flags=re.MULTILINE)


def quoted(text: str) -> str:
    return '"' + escaped(text).replace('"', "\\(dq") + '"'


def escaped(text: str) -> str:
    """Return text that roff prints as it is: every sign, and no line is a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha")
    text = text.replace("~", "\\(ti").replace("`", "\\(ga")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


if __name__ == "__main__":
    main(*sys.argv[1:])
