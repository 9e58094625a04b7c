"""What Fly is asked for when a release makes or changes a machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flygate.fly.owner import OWNER_KEY
from flygate.manifest import Group, Manifest
from flygate.rollout.execution import Execution
from flygate.rollout.state import (
    BACK_KEY,
    CANDIDATE,
    COUNT_KEY,
    DRIFT_KEY,
    GROUP_KEY,
    HOLDER_KEY,
    MANIFEST_KEY,
    PHASE_KEY,
    PLACE_KEY,
    PLATFORM_KEY,
    PLATFORM_VERSION,
    RELEASE_KEY,
    ROLE_KEY,
    ROLLOUT_KEY,
    SECRETS_KEY,
    STEP_KEY,
)
from flygate.rollout.target import Target


def machine_request(
    execution: Execution,
    group: Group,
    *,
    step: int = 1,
    place: str = "",
    volume: str = "",
) -> dict[str, Any]:
    """Return the body of a creation or an update, without name and region.

    Args:
        step: of the rollout that fills the machine's slot.
        place: the name of the place that the machine keeps, or empty.
        volume: the id of its volume, or empty.
    """
    target, manifest = execution.target, execution.target.manifest
    metadata = {
        **identity(target, manifest, group),
        RELEASE_KEY: target.name,
        MANIFEST_KEY: target.manifest_id,
        ROLE_KEY: CANDIDATE,
        STEP_KEY: str(step),
        ROLLOUT_KEY: execution.id,
        DRIFT_KEY: target.drift,
        **({PLACE_KEY: place} if place else {}),
        **({SECRETS_KEY: execution.secrets} if execution.secrets else {}),
        **({BACK_KEY: "1"} if target.is_rollback else {}),
    }
    config = machine_config(group.config, manifest.image, target.name, volume)
    return with_secrets(execution, {**config, "metadata": metadata})


def identity(target: Target, manifest: Manifest, group: Group) -> dict[str, str]:
    """Return the metadata that a group's machine has in any release: whose, and of what."""
    return {
        PLATFORM_KEY: PLATFORM_VERSION,
        GROUP_KEY: group.name,
        COUNT_KEY: str(manifest.count),
        OWNER_KEY: target.owner,
        HOLDER_KEY: target.holder,
        PHASE_KEY: str(manifest.phase),
    }


def machine_config(
    config: Mapping[str, Any], image: str, release: str, volume: str = ""
) -> dict[str, Any]:
    """Return the config of a machine in a release, without metadata.

    Args:
        config: of its group, or of the release command.
        release: its name, which the service shows.
        volume: the id of the machine's volume, or empty.
    """
    env = {**config.get("env", {}), "FLYGATE_RELEASE": release}
    mounts = [{**mount, "volume": volume} for mount in config.get("mounts", ()) if volume]
    return {**config, "image": image, "env": env, **({"mounts": mounts} if mounts else {})}


def with_secrets(execution: Execution, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body that starts a machine with this config, and with this release's secrets."""
    version = execution.secrets_version
    return {"config": dict(config), **({"min_secrets_version": version} if version else {})}
