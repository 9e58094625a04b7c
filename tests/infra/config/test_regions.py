"""Regions: a typing error is found before anything is made."""

from __future__ import annotations

import pytest
from flygate.config import regions
from localfly.network.regions import REGIONS


def test_the_local_fly_has_the_same_regions() -> None:
    """What is accepted can be tried out."""
    assert {region.code: region.name for region in REGIONS} == regions.REGIONS


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("fran", r"fra \(Frankfurt"), ("london", r"lhr \(London"), ("IAD", r"iad \(Ashburn")],
)
def test_a_typing_error_gets_a_suggestion(typed: str, meant: str) -> None:
    """By the code or by the city."""
    with pytest.raises(ValueError, match=rf"'{typed}' is none\. Did you mean {meant}"):
        regions.check(["iad", typed])


def test_what_is_like_none_gets_the_list() -> None:
    """And an empty code is like none."""
    for typed in ("xqzw", ""):
        with pytest.raises(ValueError, match="There are ams, arn"):
            regions.check([typed])


def test_a_region_is_named_once() -> None:
    """Twice the machines are asked for by their number."""
    with pytest.raises(ValueError, match="iad is there twice"):
        regions.check(["iad", "fra", "iad"])
