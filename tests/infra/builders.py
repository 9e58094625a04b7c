"""Builders for the plain data that deployments are made of: say what matters, get the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flygate.commands.removal import Protection
from flygate.config import Pin
from flygate.fly.models import Redis
from flygate.manifest import Gates, Manifest
from flygate.record.history import Entry
from flygate.record.ledger import Ledger, Release
from flygate.rollout.desired import DesiredRelease
from flygate.rollout.state import LIVE, Seen
from flygate.rollout.target import Target

DIGEST = "sha256:" + "a" * 64
MANIFEST_ID = "0123456789ab"
_OF_DESIRED = {"manifest", "id", "secrets", "is_rollback", "is_fast"}
# Of a folder without stack files: nothing is protected there.
OPEN = Protection(Path("no-such-folder"))
IMAGE = f"registry.fly.io/shop@{DIGEST}"

WEB = {"internal_port": 8080, "ports": [{"port": 443, "handlers": ["http", "tls"]}]}


def manifest(**changes: Any) -> Manifest:
    """One machine in `iad` that is probed, without secrets."""
    values: dict[str, Any] = {
        "app": "shop",
        "image": IMAGE,
        "config": {"env": {"RATE_LIMIT_BURST": "10"}, "services": [WEB]},
        "phase": 1,
        "regions": ("iad",),
        "machines": 1,
        "gates": Gates(drain="0s"),
    }
    return Manifest(**{**values, **changes})


def target(version: int = 2, former: int | None = 1, **changes: Any) -> Target:
    """The manifest of `manifest()` as release v2 over v1."""
    release = desired(**{name: changes.pop(name) for name in tuple(changes) if name in _OF_DESIRED})
    values = {"url": "http://shop.localhost:4290", **changes}
    return Target(version, release, former=former, **values)


def desired(**changes: Any) -> DesiredRelease:
    """A desired release of `manifest()`, without secrets.

    Args:
        changes: attributes of it; `is_rollback` and `is_fast` ask for it by a pin.
    """
    is_fast = changes.pop("is_fast", False)
    pin = Pin(version="v1", manifest=MANIFEST_ID, fast=is_fast)
    if changes.pop("is_rollback", False) or is_fast:
        changes["pin"] = pin
    return DesiredRelease(**{"manifest": manifest(), "id": MANIFEST_ID, **changes})


def seen(release: int, number: int = 1, **changes: Any) -> Seen:
    """A live, serving machine of a release."""
    region = changes.pop("region", "iad")
    values: dict[str, Any] = {
        "id": f"m{release}{region}{number}",
        "name": f"v{release}-{region}-{number}",
        "region": region,
        "state": "started",
        "release": release,
        "manifest": "former-one",
        "role": LIVE,
        "cordoned": False,
        "healthy": True,
    }
    return Seen(**{**values, **changes})


def release(version: int, **changes: Any) -> Release:
    """A release as the ledger keeps it."""
    values: dict[str, Any] = {
        "version": version,
        "manifest": manifest(),
        "manifest_id": f"manifest{version}",
        "secret_set": "set",
        "at": "2026-11-24T08:00:00+00:00",
        "by": "ann@laptop",
    }
    return Release(**{**values, **changes})


def ledger(*releases: Release, **sets: dict[str, str]) -> Ledger:
    """A ledger of releases, oldest first, with their secret sets."""
    return Ledger(releases=releases, secret_sets=sets)


def redis(name: str, **changes: Any) -> Redis:
    """A database as Fly shows it."""
    values: dict[str, Any] = {
        "id": "r1",
        "org": "personal",
        "plan": "fixed_250mb",
        "region": "iad",
        "url": "redis://default:canary@host:6379",
    }
    return Redis(name=name, **{**values, **changes})


def entry(version: int, manifest: str, rollback_of: int | None = None) -> Entry:
    """A release as the `history` output shows it."""
    return Entry(
        version=f"v{version}",
        manifest=manifest,
        image=IMAGE,
        phase=1,
        at="2026-11-24T08:00:00+00:00",
        by="ann@laptop",
        rollback_of=f"v{rollback_of}" if rollback_of else "",
    )
