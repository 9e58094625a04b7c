"""What a preview says: what changes and what it costs, how it would be rolled out, what drifted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flygate.config import prices
from flygate.manifest import Manifest
from flygate.record.diff import Change, manifest_changes, secret_changes


@dataclass(frozen=True, slots=True)
class Running:
    """What the stack's last deployment left in its outputs.

    Attributes:
        content: the public half of the manifest; None before the first release.
        salt, secrets: each secret's name with a salted hash of its value (the stack's `running`
            output is a secret).
    """

    content: Mapping[str, Any] | None = None
    salt: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, output: str | None) -> Running:
        """Read the stack's `running` output; there is none before the first deployment."""
        return cls(**json.loads(output)) if isinstance(output, str) else cls()


def fingerprint(salt: str, value: str) -> str:
    """Hash a value: it shows whether the value changed, and not what it is without the salt."""
    return hashlib.blake2b(value.encode(), key=salt.encode(), digest_size=8).hexdigest()


def lines(
    running: Running,
    wanted: Manifest,
    secrets: Mapping[str, str],
    plan: Sequence[str],
    drifted: bool,
    redis: tuple[float, float] = (0.0, 0.0),
) -> list[str]:
    """Describe a deployment to an operator who has to confirm it; no line if nothing is done.

    Args:
        secrets: name → value, of the wanted release.
        plan: what the deployment would do; none if it would do nothing about the machines.
        drifted: something is not as the last release left it.
        redis: what it costs a month, before and after.
    """
    if running.content is None:
        return list(plan)
    content = wanted.model_dump(mode="json")
    changes = [
        *manifest_changes(running.content, content),
        *_secret_changes(running, secrets),
    ]
    if not changes and not drifted:
        return []
    return [*map(str, changes), *plan, *_cost(running.content, content, redis)]


def _secret_changes(running: Running, secrets: Mapping[str, str]) -> list[Change]:
    now = {name: fingerprint(running.salt, value) for name, value in secrets.items()}
    return secret_changes(running.secrets, now)


def _cost(
    before: Mapping[str, Any], after: Mapping[str, Any], redis: tuple[float, float]
) -> list[str]:
    old, new = monthly_cost(before) + redis[0], monthly_cost(after) + redis[1]
    if old == new:
        return []
    return [f"${old:.2f} → ${new:.2f} a month at most, at the prices of {prices.PRICES_AS_OF}"]


def monthly_cost(content: Mapping[str, Any]) -> float:
    """Return the dollars a month for the machines of a manifest, and for their volumes."""
    return _machines_cost(content) + cost_beside(content)


def cost_beside(content: Mapping[str, Any]) -> float:
    """Return the part of it that is not the phase's: volumes, and the other process groups."""
    others = content.get("others", ())
    return sum(map(_machines_cost, others)) + sum(map(_volumes_cost, (content, *others)))


def _volumes_cost(content: Mapping[str, Any]) -> float:
    size_gb = int((content.get("volume") or {}).get("size_gb", 0))
    return size_gb * prices.GB_OF_VOLUME * int(content["machines"]) * len(content["regions"])


def _machines_cost(content: Mapping[str, Any]) -> float:
    guest = content["config"].get("guest", {})
    each = prices.machine_month(
        int(guest.get("cpus", 1)),
        int(guest.get("memory_mb", 256)),
        str(guest.get("cpu_kind", "shared")),
    )
    return each * int(content["machines"]) * len(content["regions"])
