"""Print the table of features, and with ``--write`` write it to ``docs/features.md``."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pyNN.ship as sim

from .table import SECTIONS, Answer, ask

PAGE = Path(__file__).parents[2] / "docs" / "features.md"
INTRODUCTION = """# Features

What PyNN 0.13 can express, and whether `pyNN.ship` has it. Every answer comes from a probe in
`tests/features` that exercises the feature through PyNN's interface and checks numbers; *refused*
means an error that says what to use instead. `python -m tests.features --write` made this page
with {versions}, on {day}; the tests run all probes.

{counts}
"""


def page(answers: dict[str, dict[str, Answer]]) -> str:
    """The table as a page of the documentation."""
    every = [answer.word for rows in answers.values() for answer in rows.values()]
    words = ", ".join(f"{every.count(w)} {w}" for w in ("yes", "refused", "no") if w in every)
    text = INTRODUCTION.format(
        versions=f"PyNN {version('PyNN')} and pynn-ship {version('pynn-ship')}",
        day=date.today().isoformat(),
        counts=f"Of {len(every)} features: {words}.",
    )
    for section, rows in answers.items():
        text += f"\n## {section}\n\n| feature | ship | |\n|---|---|---|\n"
        for name, answer in rows.items():
            text += f"| {_cell(name)} | {answer.word} | {_cell(answer.why)} |\n"
    return text


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")


def main() -> int:
    """Ask every probe, and print the answers as they come."""
    parser = argparse.ArgumentParser(prog="python -m tests.features", description=__doc__)
    parser.add_argument("-k", default="", help="only features whose names hold this text")
    parser.add_argument("--write", action="store_true", help="write docs/features.md")
    chosen = parser.parse_args()
    answers: dict[str, dict[str, Answer]] = {}
    for section, rows in SECTIONS.items():
        for name, probe in rows.items():
            if chosen.k in name:
                answer = answers.setdefault(section, {})[name] = ask(sim, name, probe)
                print(f"{name[:70]:70}  {answer.word:7}  {answer.why}", flush=True)
    if chosen.write:
        PAGE.write_text(page(answers))
    return int(any(a.word == "no" for rows in answers.values() for a in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
