"""How far regions are from each other, and which regions a name in a request means."""

import math
from functools import lru_cache
from typing import Final

from localfly.network.regions import REGIONS, Region

_BY_CODE: Final = {region.code: region for region in REGIONS}
_AREAS: Final = {
    "apac": "asia_pacific",
    "eu": "europe",
    "na": "north_america",
    "sa": "south_america",
}
_EARTH_KM: Final = 6371.0
# Light in a fibre makes 200 km per millisecond; cables are about 1.5 times as long as the distance.
_KM_PER_MS: Final = 200 / 1.5
_WITHIN_A_REGION_MS: Final = 1
_UNKNOWN_MS: Final = 500


@lru_cache(maxsize=4096)
def round_trip_ms(one: str, other: str) -> int:
    """Return the simulated round-trip time between two regions, in whole milliseconds."""
    if one == other:
        return _WITHIN_A_REGION_MS
    if one not in _BY_CODE or other not in _BY_CODE:
        return _UNKNOWN_MS
    distance = _distance_km(_BY_CODE[one], _BY_CODE[other])
    return _WITHIN_A_REGION_MS + round(2 * distance / _KM_PER_MS)


def is_meant(code: str, name: str) -> bool:
    """Return whether `name` means a region: its code, or one of Fly's areas
    (`eu`, `us`, `any`, …).
    """
    if name in {code, "any"}:
        return True
    region = _BY_CODE.get(code)
    if region is None:
        return False
    if name in {"us", "usa"}:
        return "(US)" in region.name
    return region.area == _AREAS.get(name)


def _distance_km(one: Region, other: Region) -> float:
    """Return the distance along a great circle (haversine)."""
    here, there = math.radians(one.latitude), math.radians(other.latitude)
    north = math.sin((there - here) / 2) ** 2
    east = math.sin(math.radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * _EARTH_KM * math.asin(math.sqrt(north + math.cos(here) * math.cos(there) * east))
