"""A volume grows as its mount says, when what is in it passes the threshold."""

import asyncio
from typing import Any

import pytest
from localfly.machines.volume_keeper import grown_gb

from tests.support.localfly import Machines

GB = 1 << 30
GROWS = {"extend_threshold_percent": 80, "add_size_gb": 2, "size_gb_limit": 5}


@pytest.mark.parametrize(
    ("mount", "size_gb", "used_gb", "expected"),
    [
        (GROWS, 1, 0.79, 1),
        (GROWS, 1, 0.81, 3),
        (GROWS, 4, 3.9, 5),
        (GROWS, 5, 9.0, 5),
        (GROWS, 9, 9.0, 9),
        ({**GROWS, "size_gb_limit": 0}, 9, 9.0, 11),
        ({**GROWS, "size_gb_limit": 0}, 499, 499.0, 500),
        ({"extend_threshold_percent": 50, "add_size_percent": 25}, 10, 6.0, 13),
        (
            {"extend_threshold_percent": 50, "add_size_percent": 1, "min_add_size_gb": 4},
            10,
            6.0,
            14,
        ),
        ({"extend_threshold_percent": 50}, 10, 10.0, 10),
        ({"add_size_gb": 2}, 1, 1.0, 1),
    ],
)
def test_how_large_a_volume_shall_be(
    mount: dict[str, Any], size_gb: int, used_gb: float, expected: int
) -> None:
    """Never smaller, never above the limit, and the present size where nothing is asked for."""
    assert grown_gb(mount, size_gb, round(used_gb * GB)) == expected


@pytest.mark.integration
async def test_a_volume_that_fills_up_is_extended(machines: Machines) -> None:
    """While a machine has it, whether it runs or not; one that no machine has stays."""
    base = "/v1/apps/demo/volumes"
    body = {"name": "data", "size_gb": 1, "region": "iad"}
    full, free = [(await machines.api.post(base, json=body)).json()["id"] for _ in range(2)]
    for volume in (full, free):
        with (machines.fly.state_dir / "volumes" / volume / "rows").open("wb") as rows:
            rows.truncate(GB * 9 // 10)  # it takes no room on the disk
    mount = {"volume": full, "path": "/data", **GROWS}
    await machines.create(machines.config(mounts=[mount]), region="iad", skip_launch=True)

    machines.fly.clock.advance(60)

    async with asyncio.timeout(20):
        while (await machines.api.get(f"{base}/{full}")).json()["size_gb"] != 3:  # noqa: ASYNC110 (remote state)
            await asyncio.sleep(0.02)
    assert (await machines.api.get(f"{base}/{free}")).json()["size_gb"] == 1
