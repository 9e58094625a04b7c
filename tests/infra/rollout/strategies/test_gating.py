"""Which gates a release has, by what its machines serve."""

from __future__ import annotations

from typing import Any

import pytest
from flygate.manifest import Course
from flygate.rollout.strategies import gating

from tests.infra.builders import WEB, manifest, target

INTERNAL = {"internal_port": 8080, "ports": [{"port": 8443, "handlers": ["http", "tls"]}]}
TCP = {"internal_port": 5432, "ports": [{"port": 443, "handlers": ["tls"]}]}


@pytest.mark.parametrize(
    ("services", "before", "after"),
    [
        ([WEB], ["health", "smoke"], ["reach", "judge"]),
        ([TCP, WEB], ["health", "smoke"], ["reach", "judge"]),
        ([INTERNAL], ["health", "smoke"], ["judge"]),
        ([TCP], ["health"], []),
        ([], ["health"], []),
    ],
    ids=["web", "web beside another", "not on 443", "no HTTP", "a worker"],
)
def test_no_gate_stands_that_can_not_be_answered(
    services: list[dict[str, Any]], before: list[str], after: list[str]
) -> None:
    """What speaks no HTTP is judged by its checks and its uptime."""
    asked = target(manifest=manifest(config={"services": services}, rollout=Course(soak="1m")))

    assert [gate.name for gate in gating.proving(asked)] == before
    assert [gate.name for gate in gating.serving(asked, soak=True)] == after
