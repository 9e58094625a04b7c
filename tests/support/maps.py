"""README's two maps, and the files that a run enters: are the maps true?"""

from __future__ import annotations

import itertools
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_FILE = re.compile(r"[\w./]+\.py\b|(?:infra|service)/[\w./]+/(?=\s|$)")


def files_of(title: str) -> list[str]:
    """The files and folders of a map, from top to bottom.

    A name without a folder stands beside the one before it, as in `routes/api.py, auth.py`.
    """
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found: list[str] = []
    for name in _FILE.findall(text.partition(f"\n{title}:\n\n")[2].partition("\n\n")[0]):
        place = Path(found[-1]).parent / name if found and "/" not in name else Path(name)
        found.append(place.as_posix() + "/" * name.endswith("/"))
    return found


@contextmanager
def entered() -> Iterator[list[str]]:
    """The project's files in the order in which their code was first entered, in any thread."""
    order: dict[str, None] = {}
    prefix = f"{ROOT}/"

    def profile(frame: FrameType, event: str, _: Any) -> None:
        name = frame.f_code.co_filename
        # The import of a module is no step of a way.
        if event == "call" and name.startswith(prefix) and frame.f_code.co_name != "<module>":
            order.setdefault(name.removeprefix(prefix))

    files: list[str] = []
    former = sys.getprofile()
    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield files
    finally:
        sys.setprofile(former)
        threading.setprofile(None)
        files += order


def in_order(wanted: list[str], found: list[str]) -> list[str]:
    """What of a map was not entered, or not after what stands above it; empty if the map is true.

    A folder is entered with its first file.
    """
    places = {
        name: next((n for n, file in enumerate(found) if _is_it(file, name)), None)
        for name in wanted
    }
    missing = [name for name, place in places.items() if place is None]
    present = [(name, place) for name, place in places.items() if place is not None]
    late = [
        f"{name} before {former}"
        for (former, before), (name, place) in itertools.pairwise(present)
        if place < before
    ]
    return missing + late


def _is_it(file: str, name: str) -> bool:
    return file.startswith(name) if name.endswith("/") else file == name
