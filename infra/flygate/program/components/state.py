"""What Pulumi's state has of this stack, for the program itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import pulumi

from flygate.pulumi.checkpoint import Checkpoint

# A state file may be written just now.
ATTEMPTS: Final = 20
SECONDS_BETWEEN: Final = 0.1
# Pulumi's SDKs use it and do not document it; the argument has another name than in its twin.
_CALL: Final = "pulumi:pulumi:readStackResourceOutputs"


def checkpoint() -> Checkpoint:
    """Return the stack's resources as the last deployment left them; none before the first.

    Not by a `StackReference`: that is a resource, whose failure ends the deployment.

    Raises:
        Exception: Pulumi can't read the stack's state.
    """
    # The bare name would be resolved in the organisation of the user who is logged in.
    stack = (pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack())
    return Checkpoint.invoked(_outputs({"stackName": "/".join(stack)}))


def _outputs(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            answer = pulumi.runtime.invoke(_CALL, arguments).value
        except Exception:  # Pulumi raises plain ones
            if not attempts_left:
                raise
            time.sleep(SECONDS_BETWEEN)
        else:
            outputs: Mapping[str, Any] = answer["outputs"]
            return outputs
    raise AssertionError("unreachable")
