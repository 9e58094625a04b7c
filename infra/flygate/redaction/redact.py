"""`Redactor`: takes secret values out of text before it is shown.

Every text of a machine, of Fly or of an error goes through here before it is shown, kept or sent.
A value is found as it is, in parts (`redaction/parts.py`), and as programs write it: escaped
(`redaction/readings.py`), encoded within a longer text (`redaction/runs.py`), one in the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from flygate.redaction.needles import CUT_MIN, END_MIN, HEAD, Needles
from flygate.redaction.parts import parts
from flygate.redaction.readings import as_bytes, says_more, unescaped
from flygate.redaction.runs import Run, runs
from flygate.redaction.visible import visible

MASK = "[secret]"
# Shorter values ("1", "on") are part of too many words; masking them would say where they stand.
SHORTEST = HEAD
CUT = "…"
# JSON in base64 in a URL in JSON: no program goes further.
_DEPTH = 4
# What is left of a digit that was cut through.
_DANGLING = re.compile(rb"[0-9A-Fa-fXx,:; =+-]{0,6}(" + CUT.encode() + rb"|$)")
# Most words come again and again.
_REMEMBERED = 20_000
_REMEMBERED_LENGTH = 200


class Redactor:
    """Replaces known values.

    Args:
        values: the secrets; those shorter than four characters are left. Where one of four or five
            is a plain word or number, the whole word is replaced that it stands in.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._needles = Needles(part for value in set(values) for part in parts(value))
        # Runs of letters that hide nothing, and how deep they were looked into.
        self._clean: dict[tuple[str, bytes, int], int] = {}

    def __call__(self, text: str) -> str:
        """Return the text without them."""
        return _masked(text, self._places(text))

    def lines(self, lines: Sequence[str]) -> list[str]:
        """Redact lines of one text; a value may extend over several lines."""
        found, at, shown = list(_merged(self._places("\n".join(lines)))), 0, list[str]()
        for line in lines:
            end = at + len(line)
            inside = [(max(a, at) - at, min(b, end) - at) for a, b in found if a < end and b > at]
            shown.append(_masked(line, inside))
            at = end + 1
        return shown

    def data(self, value: Any) -> Any:
        """Return plain JSON without them."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {self.data(name): self.data(one) for name, one in value.items()}
        if isinstance(value, Sequence):
            return [self.data(one) for one in value]
        return value

    def _places(self, text: str) -> list[tuple[int, int]]:
        """Return where something secret stands in a text."""
        if not (self._needles and text):
            return []
        whole = as_bytes(text)
        return [whole.place(*span) for span in self._spans(whole.text, END_MIN, _DEPTH, {})]

    def _spans(
        self, text: bytes, end_min: int, depth: int, known: dict[bytes, int]
    ) -> Iterator[tuple[int, int]]:
        """Yield where something secret stands, in whatever form.

        Args:
            end_min: how much of a secret's beginning counts at the end.
            depth: how many escapes and encodings may be in each other.
            known: what was looked through, and how deep: it comes again in another order.
        """
        yield from self._needles.find(text, end_min)
        if not depth:
            return
        for reading in unescaped(text, has_quotes=self._needles.has_quotes):
            if known.get(reading.text, -1) < depth:
                known[reading.text] = depth
                for span in self._spans(reading.text, end_min, depth - 1, known):
                    yield reading.place(*span)
        for run in runs(text):
            its_end = _end_min(text, run.end, end_min)
            name = (*run.name, its_end)
            if self._clean.get(name, -1) < depth:
                spans = list(self._spans_of_run(run, its_end, depth - 1))
                yield from spans
                if not spans:
                    self._remember(name, depth)

    def _spans_of_run(self, run: Run, end_min: int, depth: int) -> Iterator[tuple[int, int]]:
        contents = run.contents()
        together = b"\0".join(contents)
        if not (self._needles.may_be_in(together) or says_more(together)):
            return
        for number, content in enumerate(contents):
            place = run.place(number)
            for span in self._spans(content, end_min, depth, {}):
                yield place(*span)

    def _remember(self, run: tuple[str, bytes, int], depth: int) -> None:
        if len(run[1]) <= _REMEMBERED_LENGTH:
            if len(self._clean) >= _REMEMBERED:
                self._clean.clear()
            self._clean[run] = depth


def cut(text: str, length: int) -> str:
    """Cut a text; a mark says that there was more.

    A secret that the cut goes through is known by the mark: see `Redactor`.
    """
    return text if len(text) <= length else text[: length - 1] + CUT


def shown(text: str, length: int) -> str:
    """Cut a machine's text for a terminal; its secrets are out already."""
    return cut(visible(text), length)


def _end_min(text: bytes, end: int, end_min: int) -> int:
    """Return how much of a secret's beginning counts at the end of what was decoded."""
    if dangling := _DANGLING.match(text, end):
        return CUT_MIN if dangling[1] else end_min
    return 0


def _masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    masks = [(at, at + len(MASK)) for at in _occurrences(text, MASK)]
    words, done = list[str](), 0
    for start, end in _merged(spans):
        if any(a <= start and end <= b for a, b in masks):
            continue  # the word in the mask may be a secret, too
        words += [text[done:start], MASK]
        done = end
    return "".join([*words, text[done:]])


def _occurrences(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join those that overlap."""
    current: tuple[int, int] | None = None
    for start, end in sorted(spans):
        if current and start < current[1]:
            current = (current[0], max(current[1], end))
            continue
        if current:
            yield current
        current = (start, end)
    if current:
        yield current
