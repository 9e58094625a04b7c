"""Hypothesis strategies: whatever an app may look like when a rollout begins."""

from __future__ import annotations

from typing import Any

from flygate.manifest import Course
from flygate.rollout.state import CANDIDATE, LIVE, STANDBY, Seen, State
from flygate.rollout.target import Target
from hypothesis import strategies as st

from tests.infra.builders import MANIFEST_ID, manifest, seen, target

NOW = 1_000_000
REGIONS = ("iad", "fra", "syd")
STATES = ("created", "starting", "started", "stopping", "stopped", "suspended", "failed")
# What the wanted manifest's machines and those of others have in their metadata.
MANIFESTS = (MANIFEST_ID, "another-one")


@st.composite
def states(draw: st.DrawFn, releases: tuple[int, ...] = (1, 2, 3)) -> State:
    """Up to three releases in up to three regions, their machines alike or each as it likes."""
    machines: list[Seen] = []
    for release in releases:
        changes = draw(looks())
        alike = draw(st.booleans())
        for region in draw(st.lists(st.sampled_from(REGIONS), unique=True)):
            machines += [
                seen(release, number, region=region, **(changes if alike else draw(looks())))
                for number in range(1, draw(st.integers(1, 3)) + 1)
            ]
    return State("shop", tuple(draw(st.permutations(machines))))


@st.composite
def looks(draw: st.DrawFn) -> dict[str, Any]:
    """Any state and role of a machine; half of the time one that is usual."""
    usual: list[dict[str, Any]] = [
        {"role": LIVE, "state": "started"},
        {"role": CANDIDATE, "state": "started"},
        {"role": STANDBY, "state": "stopped", "cordoned": True, "retired_at": NOW},
    ]
    odd: dict[str, Any] = {
        "state": draw(st.sampled_from(STATES)),
        "cordoned": draw(st.booleans()),
        "healthy": draw(st.booleans()),
        "role": draw(st.sampled_from([CANDIDATE, LIVE, STANDBY])),
        "retired_at": draw(st.sampled_from([0, NOW - 3601, NOW - 3599, NOW])),
    }
    chosen = draw(st.sampled_from([*usual, odd, odd, odd]))
    share = draw(st.sampled_from([None, None, 1, 50]))
    return {**chosen, "manifest": draw(st.sampled_from(MANIFESTS)), "share": share}


@st.composite
def courses(draw: st.DrawFn) -> Course:
    """Any strategy with any steps."""
    if draw(st.booleans()):
        return Course(strategy="canary", by="clients", steps=("1%", "50%", "100%"), soak="0s")
    steps = draw(st.lists(st.sampled_from([1, 2, "10%", "34%", "50%"]), max_size=3))
    way = draw(st.sampled_from(["canary", "bluegreen", "rolling", "immediate"]))
    return Course(strategy=way, steps=(*steps, "100%"), soak="0s")


@st.composite
def targets(draw: st.DrawFn) -> Target:
    """v3 over v2, in some regions, with some machines in each, on any course."""
    regions = draw(st.lists(st.sampled_from(REGIONS), min_size=1, unique=True))
    wanted = manifest(
        regions=tuple(regions),
        machines=draw(st.sampled_from([1, 1, 2, 3, 4])),
        rollout=draw(courses()),
    )
    return target(
        3,
        2,
        manifest=wanted,
        at=float(NOW),
        is_rollback=draw(st.booleans()),
        is_fast=draw(st.sampled_from([False, False, False, True])),
    )
