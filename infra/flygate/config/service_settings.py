"""Which variables are settings of the service, whatever the image is.

An application of the user's own may have a PORT or an ADMIN_TOKEN that the service would refuse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from flygate_wire.settings import problems
from flygate_wire.variables import Variable

from flygate.config.stack import StackConfig

OWN: Final = ("RATE_LIMIT_", "SERVICE_", "LOGIN_")


def is_the_service_s(variable: Variable, stack: StackConfig) -> bool:
    """Whether a variable is read by the service, as its name or the smoke check says."""
    return variable.startswith(OWN) or stack.smoke.limiter


def secret_refusals(
    secrets: Mapping[str, str], env: Mapping[str, str], stack: StackConfig
) -> Iterator[str]:
    """Yield a line for each secret that the service would refuse. No value is shown.

    Args:
        secrets: name → value.
        env: the other variables of a machine.
    """
    for problem in problems({**env, **secrets}):
        name = problem.variable.value
        if name in secrets and is_the_service_s(problem.variable, stack):
            yield (
                f"flygate:secrets.{name} (hidden) is wrong; the service takes {problem.allowed}. "
                f"Set it again: `pulumi config set --secret --path secrets.{name}` asks for it."
            )
