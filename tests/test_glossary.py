"""docs/glossary.md: each word once, in order, and at home where the glossary says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "glossary.md"
CODE = ("infra", "service", "wire")
HEADER = "| word | what it means here | where | source |"
_PART = re.compile(r"^## (.+)$", re.M)
_HOME = re.compile(r"`([^`]+)`")
_QUALIFIER = re.compile(r" \([^)]*\)$")
# Enough that the whole of it is read, and few enough that a reader does.
FEWEST, MOST = 60, 90


@dataclass(frozen=True, slots=True)
class Word:
    """A line of the glossary; `homes` are its files and folders, by their names alone."""

    text: str
    meaning: str
    homes: tuple[str, ...]
    source: str

    @property
    def plain(self) -> str:
        """Without what separates it from another word of the same spelling."""
        return _QUALIFIER.sub("", self.text)

    @property
    def has_a_home_of_its_name(self) -> bool:
        """Who looks for a file of the word's name finds the right one."""
        plain = re.sub(r"[\W_]", "", self.plain.lower())
        names = {re.sub(r"[\W_]", "", stem(home).lower()) for home in self.homes}
        return bool(names & {plain, f"{plain}s"})


def stem(home: str) -> str:
    """A file that grows into a folder of the same name stays at home."""
    return home.removesuffix("/").removesuffix(".py")


def parse(text: str) -> dict[str, list[Word]]:
    """The words by the part that they are in."""
    parts: dict[str, list[Word]] = {}
    _, *found = _PART.split(text)
    for title, body in zip(found[::2], found[1::2], strict=True):
        lines = [line for line in body.splitlines() if line.startswith("|")]
        assert lines[0] == HEADER, title
        parts[title] = []
        for line in lines[2:]:
            word, meaning, homes, source = (cell.strip() for cell in line.strip("|").split("|"))
            parts[title].append(Word(word, meaning, tuple(_HOME.findall(homes)), source))
    return parts


@cache
def parts() -> dict[str, list[Word]]:
    return parse(PAGE.read_text(encoding="utf-8"))


def words() -> list[Word]:
    return list(chain.from_iterable(parts().values()))


@cache
def existing() -> frozenset[str]:
    """The names of all modules and folders of the code, wherever they are."""
    found = (path for root in CODE for path in (ROOT / root).rglob("*"))
    return frozenset(
        stem(path.name)
        for path in found
        if "__pycache__" not in path.parts and (path.is_dir() or path.suffix == ".py")
    )


def test_each_word_is_there_once() -> None:
    """One that has two meanings says in brackets which."""
    texts = [word.text.lower() for word in words()]
    assert sorted(set(texts)) == sorted(texts)
    assert FEWEST <= len(texts) <= MOST


def test_the_words_are_in_order() -> None:
    """Of the alphabet, within each part."""
    for title, found in parts().items():
        texts = [word.text.lower() for word in found]
        assert texts == sorted(texts), title


def test_a_word_of_two_meanings_says_which() -> None:
    """In brackets, each of them."""
    plain = [word.plain.lower() for word in words()]
    twice = {text for text in plain if plain.count(text) > 1}
    assert {word.plain for word in words() if word.plain == word.text} & twice == set()


def test_each_word_has_a_meaning_and_a_source() -> None:
    """In a line."""
    assert [word.text for word in words() if not (word.meaning and word.source)] == []


def test_each_home_is_there() -> None:
    """A file or a folder below the code, by its name: it may move, and grow into a folder."""
    homes = {home for word in words() for home in word.homes}
    assert {home for home in homes if stem(home) not in existing()} == set()
    assert {home for home in homes if "/" in home.removesuffix("/")} == set()


def test_many_words_lead_to_their_file_by_their_name_alone() -> None:
    """Who reads a word in the documents can guess where it is written."""
    assert len([word for word in words() if word.has_a_home_of_its_name]) >= 20


def test_a_table_is_read() -> None:
    """The checks check."""
    row = "| hand-off (of a bucket) | it moves | `handoff.py`, `a/` | ours |"
    (word,) = parse(f"# A\n\n## B\n\n{HEADER}\n|---|---|---|---|\n{row}\n")["B"]
    assert word == Word("hand-off (of a bucket)", "it moves", ("handoff.py", "a/"), "ours")
    assert word.has_a_home_of_its_name
    assert not Word("ring", "", ("owners.py",), "").has_a_home_of_its_name
