"""`Place`: where a machine stands that each release changes, and none replaces."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A place that outlives releases; its name is that of the machine which is made for it."""

    group: str
    region: str
    number: int

    @classmethod
    def parse(cls, name: str) -> Place:
        """Read a place off its name.

        Raises:
            ValueError: it is none.
        """
        group, region, number = name.rsplit("-", 2)
        return cls(group, region, int(number))

    @property
    def name(self) -> str:
        """`db-iad-1`."""
        return f"{self.group}-{self.region}-{self.number}"
