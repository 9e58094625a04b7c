"""What a request, or the answer that replays it, asks about the machine that gets it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from localfly.network.geography import is_meant, round_trip_ms

_MANY = 1 << 16

Rank = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Selector:
    """Which machines may be chosen, and which ones are liked best."""

    force: str = ""  # the id of the only machine that will do
    prefer: str = ""  # the id of the machine that is liked best
    avoid: str = ""  # the id of a machine that will not do
    regions: tuple[str, ...] = ()  # codes or areas, the one liked best first
    is_bound_to_regions: bool = False  # no other region will do

    def admits(self, machine_id: str, region: str, here: str) -> bool:
        """Whether this machine will do for a request that came in at `here`."""
        if self.force and machine_id != self.force:
            return False
        return machine_id != self.avoid and self.rank(region, here) is not None

    def rank(self, region: str, here: str) -> Rank | None:
        """The place of a region in the order of choice, lowest first; None if it won't do."""
        return _rank(self.regions, self.is_bound_to_regions, region, here)


ANY = Selector()


def selector_of(headers: Mapping[bytes, bytes]) -> Selector:
    """The selector in a client's own headers (docs/fly-api.md 6.5)."""
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
    """`iad, ord,us` → its names, in lower case."""
    return tuple(name for part in text.split(",") if (name := part.strip().lower()))


def _regions(value: bytes) -> tuple[str, ...]:
    return parse_regions(value.decode("latin-1")) if value else ()


@lru_cache(maxsize=4096)
def _rank(names: tuple[str, ...], is_bound: bool, region: str, here: str) -> Rank | None:
    for place, name in enumerate(names):
        if is_meant(region, name):
            return place, round_trip_ms(here, region)
    return None if is_bound else (_MANY, round_trip_ms(here, region))
