"""Former machines that have started with the values of a release that is taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.simulation.fault import Fault
from tests.simulation.run import run
from tests.simulation.scenario import Act, Scenario
from tests.simulation.spec import Spec

FIRST = Spec(machines=2, strategy="bluegreen")


@pytest.mark.parametrize("fault", ["unwell", "crash"])
def test_a_failed_release_names_the_machines_that_have_its_secrets(fault: str) -> None:
    """One that has crashed meanwhile reads them: the last words say what to type, and it helps."""
    bad = replace(FIRST, key=2, fault=fault)
    dies = {18: Fault("kill", 0.0)}

    finding = run(Scenario(0, (Act("up", FIRST), Act("up", bad, dies), Act("up", FIRST))))

    assert finding.codes[:2] == (0, 2)
    assert finding.broken == ()
    lines = [line for line in finding.trace if "`fly machine restart " in line]
    assert any("v1 serves as before. v1-iad-" in line for line in lines)
