"""The numbers of announced builds. Only one deployment uses each, so they are not on disk."""

from itertools import count


class Builds:
    def __init__(self) -> None:
        self._numbers = count(1)
        self._apps: dict[int, str] = {}

    def start(self, app: str) -> int:
        """Return the number of a new build."""
        number = next(self._numbers)
        self._apps[number] = app
        return number

    def app_of(self, number: int) -> str | None:
        return self._apps.get(number)
