"""Drift: what differs from what the last release left. Part of the inspection (`inspection.py`).

Pulumi compares inputs with inputs, so drift must become an input to be repaired. The token is
that input: while the app is as its release left it, it is what the machines remember (and
Pulumi's state, too); when it is not, it is a new one, both Commands run, and the machines of
the repaired release remember it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flygate.fly.models import IpAssignment
from flygate.rollout.state import CANDIDATE, LIVE, STANDBY, Seen, State


def _new_token() -> str:
    return secrets.token_hex(4)


@dataclass(frozen=True, slots=True)
class Drift:
    """What was found.

    Attributes:
        token: the input for the Commands.
        found: a line for each difference; none if there is no drift.
        runs: what runs now, for people.
    """

    token: str
    found: tuple[str, ...]
    runs: str


def absent() -> Drift:
    """Return the drift where there is no app, as before a first deployment."""
    return Drift(_new_token(), ("there is no such app",), "nothing")


def lacking(addresses: Sequence[IpAssignment]) -> list[str]:
    """Name the kinds of public address that an app needs and lacks."""
    kinds = {"IPv6": ":", "IPv4": "."}
    found = [kind for kind, sign in kinds.items() if not any(sign in ip.ip for ip in addresses)]
    return [f"the app has no public {kind} address" for kind in found]


def judge(
    state: State, lacks: Sequence[str] = (), new_token: Callable[[], str] = _new_token
) -> Drift:
    """Compare what runs with what the last release left.

    Args:
        lacks: what else the app lacks, a line each.
    """
    live = [m for m in state.machines if m.role == LIVE]
    if not live:
        return Drift(new_token(), (*lacks, "no machine of a release is left"), "nothing")
    release = max(m.release for m in live)
    current = [m for m in live if m.release == release]
    found = list(lacks)
    found += [f"{m.label} ({m.id}) is {_status(m.cordoned, m.state)}" for m in live if not m.serves]
    found += [f"{m.name} ({m.id}) is of v{m.release}" for m in live if m.release != release]
    found += [f"{m.label} ({m.id}) was edited" for m in current if m.edited]
    if state.secrets_moved(release):
        found.append(_changed_secrets(state, release))
    found += [_misled(m) for m in state.misled(release)]
    found += [
        f"{m.name} ({m.id}) serves, though v{release} has replaced v{m.release}"
        for m in state.machines
        if m.role == STANDBY and m.serves
    ]
    found += [f"{m.name} ({m.id}) {_waits(m.held)}" for m in state.machines if m.role == CANDIDATE]
    found += [f"{m.name} ({m.id}) was left by a rollout that died" for m in state.commands]
    missing = current[0].count - len(current)
    if missing > 0:
        found.append(f"{missing} of {current[0].count} machines of v{release} are gone")
    token = new_token() if found else current[0].drift
    return Drift(token, tuple(found), f"v{release} on {len(current)} machine(s)")


def _changed_secrets(state: State, release: int) -> str:
    candidates = [m.release for m in state.machines if m.role == CANDIDATE]
    if not candidates:
        return f"secrets of the app are not those of v{release}"
    return (
        f"secrets of the app are those of v{max(candidates)}, which is not released: a machine of "
        f"v{release} that starts meanwhile gets them"
    )


def _misled(machine: Seen) -> str:
    return (
        f"{machine.label} ({machine.id}) has started with secrets that are not "
        f"v{machine.release}'s: once v{machine.release} serves alone again, "
        f"`fly machine restart {machine.id}`"
    )


def _waits(held: str) -> str:
    return f"waits for a decision: {held}" if held else "was left by a rollout that died"


def _status(cordoned: bool, state: str) -> str:
    return f"{state} and cordoned" if cordoned else state
