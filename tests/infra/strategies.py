"""Hypothesis strategies: whatever an app may look like when a rollout begins."""

from __future__ import annotations

from hypothesis import strategies as st

from infra.rollout.observe import CANDIDATE, LIVE, STANDBY, Seen, State
from infra.rollout.target import Target
from tests.infra.builders import manifest, seen, target

REGIONS = ("iad", "fra", "syd")
STATES = ("created", "starting", "started", "stopping", "stopped", "suspended", "failed")


@st.composite
def states(draw: st.DrawFn, releases: tuple[int, ...] = (1, 2, 3)) -> State:
    """Up to three releases in up to three regions, each machine in any state and role."""
    machines: list[Seen] = []
    for release in releases:
        for region in draw(st.lists(st.sampled_from(REGIONS), unique=True)):
            machines += [
                seen(
                    release,
                    number,
                    region=region,
                    state=draw(st.sampled_from(STATES)),
                    cordoned=draw(st.booleans()),
                    healthy=draw(st.booleans()),
                    role=draw(st.sampled_from([CANDIDATE, LIVE, STANDBY])),
                )
                for number in range(1, draw(st.integers(1, 2)) + 1)
            ]
    return State("shop", tuple(draw(st.permutations(machines))))


@st.composite
def targets(draw: st.DrawFn) -> Target:
    """v3 over v2, in some regions, with some machines in each."""
    regions = draw(st.lists(st.sampled_from(REGIONS), min_size=1, unique=True))
    return target(3, 2, manifest=manifest(regions=tuple(regions), machines=draw(st.integers(1, 3))))
