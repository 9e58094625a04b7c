"""Settings of the cluster: how the machines of an app find and know each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from flygate_limiter import canonical
from flygate_wire.settings import ON, PORT_MAX, WHOLE
from flygate_wire.variables import SLIDING_WINDOW, Variable

from .environment import Environment, SettingError

_NEEDED: Final = (Variable.FLY_APP_NAME, Variable.FLY_MACHINE_ID, Variable.FLYGATE_KEY)


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """How the machines of an app find and know each other.

    Attributes:
        group: the process group of this machine, or empty.
        dns: the address and the port of the name server; None for the system's.
        affinity: whether each client has one machine, or any machine serves it.
    """

    app: str
    machine: str
    region: str
    group: str
    key: str = field(repr=False)
    dns: tuple[str, int] | None
    affinity: bool


def read_cluster(env: Environment) -> ClusterSettings | None:
    """Read and check them.

    Raises:
        SettingError: a value is not allowed.
    """
    affinity = env.choice(Variable.RATE_LIMIT_AFFINITY) == ON
    if affinity and env.text(Variable.RATE_LIMIT_ALGORITHM) == SLIDING_WINDOW:
        allowed = "off, since sliding windows can't be handed from one machine to another"
        raise SettingError(Variable.RATE_LIMIT_AFFINITY, ON, allowed)
    needed = [env.text(name) for name in _NEEDED]
    app, machine, key = needed
    if app is not None and machine is not None and key is not None:
        region = env.text(Variable.FLY_REGION) or ""
        group = env.text(Variable.FLY_PROCESS_GROUP) or ""
        return ClusterSettings(app, machine, region, group, key, _dns(env), affinity)
    if affinity:
        allowed = "off, unless FLY_APP_NAME, FLY_MACHINE_ID and FLYGATE_KEY are set"
        raise SettingError(Variable.RATE_LIMIT_AFFINITY, ON, allowed)
    return None


def _dns(env: Environment) -> tuple[str, int] | None:
    found = env.text(Variable.FLYGATE_DNS)
    if found is None:
        return None
    host, _, port = found.rpartition(":")
    if canonical(host) is None or not WHOLE.fullmatch(port) or int(port) > PORT_MAX:
        raise SettingError(
            Variable.FLYGATE_DNS, found, "an address and a port, like 127.0.0.1:5353"
        )
    return host.strip("[]"), int(port)
