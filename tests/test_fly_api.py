"""What cites docs/fly-api.md names a section of it, and the sections have steady numbers."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "fly-api.md"
KINDS = (".graphql", ".md", ".py", ".toml")
_HEADING = re.compile(r"^(?:## (\d+)\.|### (\d+\.\d+)) \S", re.M)
_NUMBER = r"\d+(?:\.\d+)?"
_CITATION = re.compile(rf"fly-api\.md\)?\s+({_NUMBER}(?:(?:, | and | to ){_NUMBER})*)")
_WITHIN = re.compile(r"\(([1-9]\.\d+(?:, [1-9]\.\d+)*)\)|\b(?:[Aa]s in|by|of) ([1-9]\.\d+)\b")
# What the page was called before it was part of this repository.
_FORMER = "FLY" + ".md"
_SECTION = re.compile(_NUMBER)
_ABSOLUTE = re.compile(r"/(?:home|tmp|work)/")


@cache
def files() -> tuple[Path, ...]:
    """The texts that git tracks, and those that are about to be added."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = (ROOT / name for name in listed.splitlines() if name.endswith(KINDS))
    return tuple(path for path in found if path.is_file())


@cache
def sections() -> tuple[str, ...]:
    """The numbers of the page's sections, in their order."""
    return tuple(chapter or part for chapter, part in _HEADING.findall(PAGE.read_text("utf-8")))


def citations() -> Iterator[tuple[str, str]]:
    """Each file that cites a section, with the section's number."""
    for path in files():
        for found in _CITATION.findall(path.read_text(encoding="utf-8")):
            for number in _SECTION.findall(found):
                yield str(path.relative_to(ROOT)), number


def test_each_citation_names_a_section() -> None:
    """In code, tests and documents."""
    known = set(sections())
    cited = list(citations())
    assert len(cited) > 60
    assert [citation for citation in cited if citation[1] not in known] == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("(docs/fly-api.md 2.8).", ["2.8"]),
        ("docs/fly-api.md 2.5 to 2.7: a list", ["2.5", "2.7"]),
        ("docs/fly-api.md 6.3, 6.5, 6.6", ["6.3", "6.5", "6.6"]),
        ("docs/fly-api.md 2 and 5", ["2", "5"]),
        ("docs/fly-api.md\n    99.1", ["99.1"]),
        ("[Fly's API](fly-api.md) 2.12 | a table", ["2.12"]),
        ("the tags of docs/fly-api.md.", []),
    ],
)
def test_a_citation_is_found(text: str, numbers: list[str]) -> None:
    """The check checks."""
    found = [number for cited in _CITATION.findall(text) for number in _SECTION.findall(cited)]
    assert found == numbers


def test_the_page_names_its_own_sections_rightly() -> None:
    """Where it leads from one section to another."""
    found = [first or second for first, second in _WITHIN.findall(PAGE.read_text("utf-8"))]
    named = [number for numbers in found for number in _SECTION.findall(numbers)]
    assert len(named) > 15
    assert set(named) - set(sections()) == set()


def test_the_numbers_are_without_gaps() -> None:
    """So that a section that was removed or put in between is noticed: citations would lie."""
    numbers = [tuple(map(int, number.split("."))) for number in sections()]
    for before, after in pairwise(numbers):
        nexts = {(before[0] + 1,), (*before, 1), (before[0], before[-1] + 1)}
        assert after in nexts, (before, after)
    assert len(set(numbers)) == len(numbers)


def test_nothing_cites_what_is_not_in_the_repository() -> None:
    """A reader has this repository and no more."""
    text = PAGE.read_text(encoding="utf-8")
    assert [path for path in files() if _FORMER in path.read_text(encoding="utf-8")] == []
    assert _ABSOLUTE.findall(text) == []
    assert "../" not in text


def test_the_page_is_wrapped() -> None:
    """At 100 columns, as the code is."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 100] == []
