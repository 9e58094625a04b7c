"""Which machine may get a request, by its headers or by the order that replays it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from localfly.network.geography import is_meant, round_trip_ms

_MANY: Final = 1 << 16

Rank = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Selector:
    """Which machines may be chosen, and which are preferred."""

    force: str = ""  # the id of the only machine that may be chosen
    prefer: str = ""  # the id of the preferred machine
    avoid: str = ""  # the id of a machine that must not be chosen
    regions: tuple[str, ...] = ()  # codes or areas, the preferred one first
    is_bound_to_regions: bool = False  # whether no other region may be chosen

    def admits(self, machine_id: str, region: str, here: str) -> bool:
        """Return whether this machine may get a request that came in at `here`."""
        if self.force and machine_id != self.force:
            return False
        return machine_id != self.avoid and self.rank(region, here) is not None

    def rank(self, region: str, here: str) -> Rank | None:
        """Return the place of a region in the order of choice, lowest first; None if it is
        excluded.
        """
        return _rank(self.regions, self.is_bound_to_regions, region, here)


ANY: Final = Selector()


def selector_of(headers: Mapping[bytes, bytes]) -> Selector:
    """Return the selector in a client's headers (docs/fly-api.md 6.5)."""
    force_region, prefer_region = (
        _regions(headers.get(name, b"")) for name in (b"fly-force-region", b"fly-prefer-region")
    )
    selector = Selector(
        force=headers.get(b"fly-force-instance-id", b"").decode("latin-1"),
        prefer=headers.get(b"fly-prefer-instance-id", b"").decode("latin-1"),
        regions=force_region or prefer_region,
        is_bound_to_regions=bool(force_region),
    )
    return ANY if selector == ANY else selector


def parse_regions(text: str) -> tuple[str, ...]:
    """Split `iad, ord,us` into names in lower case."""
    return tuple(name for part in text.split(",") if (name := part.strip().lower()))


def _regions(value: bytes) -> tuple[str, ...]:
    return parse_regions(value.decode("latin-1")) if value else ()


@lru_cache(maxsize=4096)
def _rank(names: tuple[str, ...], is_bound: bool, region: str, here: str) -> Rank | None:
    for place, name in enumerate(names):
        if is_meant(region, name):
            return place, round_trip_ms(here, region)
    return None if is_bound else (_MANY, round_trip_ms(here, region))
