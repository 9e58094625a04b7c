"""The numbers of announced builds; they mean something to one deployment only, so none is kept."""

from itertools import count


class Builds:
    def __init__(self) -> None:
        self._numbers = count(1)
        self._apps: dict[int, str] = {}

    def start(self, app: str) -> int:
        """The number of a new build."""
        number = next(self._numbers)
        self._apps[number] = app
        return number

    def app_of(self, number: int) -> str | None:
        return self._apps.get(number)
