"""Fly's regions, by code. Source: `GET /v1/platform/regions` and Fly's documentation, 2026-08."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import AfterValidator

REGIONS: Final = {
    "ams": "Amsterdam, Netherlands",
    "arn": "Stockholm, Sweden",
    "bom": "Mumbai, India",
    "cdg": "Paris, France",
    "dfw": "Dallas, Texas (US)",
    "ewr": "Secaucus, NJ (US)",
    "fra": "Frankfurt, Germany",
    "gru": "Sao Paulo, Brazil",
    "iad": "Ashburn, Virginia (US)",
    "jnb": "Johannesburg, South Africa",
    "lax": "Los Angeles, California (US)",
    "lhr": "London, United Kingdom",
    "nrt": "Tokyo, Japan",
    "ord": "Chicago, Illinois (US)",
    "sin": "Singapore, Singapore",
    "sjc": "San Jose, California (US)",
    "syd": "Sydney, Australia",
    "yyz": "Toronto, Canada",
}


def check(codes: Iterable[str]) -> None:
    """Check that all are regions of Fly, each once.

    Raises:
        ValueError: one is not; the text suggests a region.
    """
    seen: set[str] = set()
    for code in codes:
        if code not in REGIONS:
            raise ValueError(f"must be regions of Fly: {code!r} is none. {_hint(code)}")
        if code in seen:
            raise ValueError(f"must be regions of Fly, each once: {code} is there twice")
        seen.add(code)


def _checked(codes: tuple[str, ...]) -> tuple[str, ...]:
    check(codes)
    return codes


# As the value of a key of the configuration.
Regions = Annotated[tuple[str, ...], AfterValidator(_checked)]


def _hint(code: str) -> str:
    wanted = code.lower()
    close = difflib.get_close_matches(wanted, REGIONS, n=2, cutoff=0.8)
    close = close or [known for known, name in REGIONS.items() if wanted in name.lower()]
    close = close or difflib.get_close_matches(wanted, REGIONS, n=2, cutoff=0.5)
    if wanted and close:
        return "Did you mean " + " or ".join(f"{c} ({REGIONS[c]})" for c in close) + "?"
    return f"There are {', '.join(REGIONS)}"
