"""A deployment is a straight line, and its map in `commands/release.py` is true."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import flygate
import pytest
from flygate.commands import release as release_op

from tests.infra.deployment import Deployment

PACKAGE = Path(flygate.__file__).parent
# A line of the map: a file below the package, and the function that is entered there.
STATION = re.compile(r"^ +(\S+\.py) +(\w+\.)?(\w+)(?: |$)", re.MULTILINE)
# What runs is observed and decided on once more under the lock: the one way back up.
OBSERVE, DESIRE, DECIDE, LOCK, EXECUTE, RECORD = range(6)
LINE = [OBSERVE, DESIRE, DECIDE, LOCK, OBSERVE, DECIDE, EXECUTE, RECORD]

Station = tuple[str, str]


def mapped() -> list[Station]:
    """The stations of the map, in its order."""
    return [(file, name) for file, _, name in STATION.findall(release_op.__doc__ or "")]


@contextmanager
def traced(stations: list[Station]) -> Iterator[list[Station]]:
    """Note each entry into a station while the body runs."""
    watched = {(str(PACKAGE / file), name): (file, name) for file, name in stations}
    passed: list[Station] = []
    entered: list[FrameType] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        station = watched.get((code.co_filename, code.co_name))
        # A coroutine is entered again after each wait.
        if event == "call" and station and not any(frame is one for one in entered):
            entered.append(frame)
            passed.append(station)

    former = sys.getprofile()
    sys.setprofile(note)
    try:
        yield passed
    finally:
        sys.setprofile(former)


def test_the_map_names_what_there_is() -> None:
    """Each file exists, and defines the function."""
    stations = mapped()

    assert len(stations) == len(set(LINE))
    for file, name in stations:
        assert re.search(rf"def {name}\(", (PACKAGE / file).read_text()), (file, name)


@pytest.mark.integration
async def test_a_release_passes_the_map_in_its_order(shop: Deployment) -> None:
    """With one climb, to look again under the lock."""
    stations = mapped()

    with traced(stations) as passed:
        await shop.release()

    assert passed == [stations[number] for number in LINE]


@pytest.mark.integration
async def test_a_release_that_runs_already_leaves_the_line_before_the_lock(
    shop: Deployment,
) -> None:
    """Nothing is to be done, so nothing is locked or executed."""
    stations = mapped()
    await shop.release()

    with traced(stations) as passed:
        await shop.release()

    assert passed == [stations[number] for number in (OBSERVE, DESIRE, DECIDE, RECORD)]
