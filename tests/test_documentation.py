"""The pages: their code runs and prints what they say, and what they name exists."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pyNN_ship import control, list_standard_models

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^```(.*?)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
A_PATH = re.compile(r"[\w.-]+/(?:[\w.-]+/)*(?:[\w.-]+\.(?:py|md|png|toml|cff))?")


class Block(NamedTuple):
    """What stands between two fences."""

    info: str
    text: str
    line: int

    @property
    def is_run(self) -> bool:
        return self.info.split()[:1] == ["python"] and "no-run" not in self.info.split()


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    return [
        Block(found[1].strip(), found[2], text.count("\n", 0, found.start()) + 2)
        for found in FENCE.finditer(text)
    ]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text("utf-8"))


def slug(heading: str) -> str:
    """The name by which a link reaches a heading."""
    kept = re.sub(r"[^\w\s-]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def links(page: Path) -> Iterator[str]:
    """Yield the targets of links that do not lead to another site."""
    for target in LINK.findall(prose(page)):
        if not re.match(r"[a-z]+:", target):
            yield target


def run(page: Path, code: list[Block]) -> tuple[dict[str, Any], list[tuple[Block, str]]]:
    """Run blocks of a page one after the other; return their names and what each printed."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed = []
    for block in code:
        # Empty lines above make a traceback point into the page.
        source = "\n" * (block.line - 1) + block.text
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile(source, str(page), "exec"), namespace)
        printed.append((block, output.getvalue()))
    return namespace, printed


def expected_outputs(page: Path) -> dict[int, str]:
    """What the page says that a block prints: the ``text`` block right after it, by its line."""
    found = blocks(page)
    return {
        block.line: after.text
        for block, after in itertools.pairwise(found)
        if block.is_run and after.info == "text"
    }


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_code_runs_and_prints_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace, printed = run(page, [block for block in blocks(page) if block.is_run])
    expected = expected_outputs(page)
    for block, output in printed:
        if block.line in expected:
            assert output == expected[block.line], f"{name_of(page)}, line {block.line}"
    if page == README:
        assert namespace["history"]["loss"][-1] < 0.1


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)} links to {path}"
        assert target.is_relative_to(ROOT), f"{name_of(page)} links to {path}"
        if fragment:
            headings = re.findall(r"^#+ (.+)$", FENCE.sub("", target.read_text("utf-8")), re.M)
            assert fragment in map(slug, headings), f"{name_of(page)} links to {link}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_paths_that_are_named_exist(page: Path) -> None:
    named = [text for text in CODE.findall(prose(page)) if A_PATH.fullmatch(text)]
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_page_can_be_reached_from_the_index() -> None:
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in links(DOCS / "index.md")}
    assert set(DOCS.rglob("*.md")) - linked <= {DOCS / "index.md"}
    assert "docs/index.md" in links(README)


@pytest.mark.parametrize("page", [README, DOCS / "options.md"], ids=name_of)
def test_every_option_of_setup_is_in_the_table(page: Path) -> None:
    rows = [line for line in prose(page).splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in CODE.findall(row.split("|")[1])}
    assert named == {"timestep", "min_delay", *control.OPTIONS}


def test_defaults_of_the_options() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \|", prose(DOCS / "options.md"), re.M)
    stated = {name: default.replace('"', "'") for name, default in rows}
    assert {name: repr(value) for name, value in control.OPTIONS.items()}.items() <= stated.items()


def test_the_readme_names_every_cell_type() -> None:
    assert set(list_standard_models()) <= set(CODE.findall(prose(README)))
