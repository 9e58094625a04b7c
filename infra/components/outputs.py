"""What the last deployment of this stack left in its outputs, for the program itself."""

from __future__ import annotations

import time
from typing import Any

import pulumi

# Pulumi writes its state while the program runs, and a state file may be half-written just now.
ATTEMPTS = 20
SECONDS_BETWEEN = 0.1


def own_output(name: str) -> Any:
    """An output of this stack as the last deployment left it, None if there is none.

    Not by a `StackReference`: that is a resource, whose failure ends the deployment.

    Raises:
        Exception: Pulumi can't read the stack's state.
    """
    stack = (pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack())
    return _outputs("/".join(stack)).get(name)


def _outputs(stack: str) -> dict[str, Any]:
    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            answer = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": stack}).value
        except Exception:  # Pulumi raises plain ones
            if not attempts_left:
                raise
            time.sleep(SECONDS_BETWEEN)
        else:
            outputs: dict[str, Any] = answer["outputs"]
            return outputs
    raise AssertionError("unreachable")
