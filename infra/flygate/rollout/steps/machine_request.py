"""What Fly is asked for when a release makes or changes a machine."""

from __future__ import annotations

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
    config = {
        **machine_config(manifest, group, target.name, volume),
        "metadata": {
            PLATFORM_KEY: PLATFORM_VERSION,
            GROUP_KEY: group.name,
            RELEASE_KEY: target.name,
            MANIFEST_KEY: target.manifest_id,
            ROLE_KEY: CANDIDATE,
            STEP_KEY: str(step),
            ROLLOUT_KEY: execution.id,
            COUNT_KEY: str(manifest.count),
            DRIFT_KEY: target.drift,
            OWNER_KEY: target.owner,
            HOLDER_KEY: target.holder,
            PHASE_KEY: str(manifest.phase),
            **({PLACE_KEY: place} if place else {}),
            **({SECRETS_KEY: execution.secrets} if execution.secrets else {}),
            **({BACK_KEY: "1"} if target.is_rollback else {}),
        },
    }
    request: dict[str, Any] = {"config": config}
    if execution.secrets_version:
        request["min_secrets_version"] = execution.secrets_version
    return request


def machine_config(
    manifest: Manifest, group: Group, release: str, volume: str = ""
) -> dict[str, Any]:
    """Return the config of a group's machine in a release, without metadata.

    Args:
        release: its name, which the service shows.
        volume: the id of the machine's volume, or empty.
    """
    config = {
        **group.config,
        "image": manifest.image,
        "env": {**group.config.get("env", {}), "FLYGATE_RELEASE": release},
    }
    if volume:
        config["mounts"] = [{**mount, "volume": volume} for mount in group.config["mounts"]]
    return config
