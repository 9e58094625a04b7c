"""Where a volume that is there is not what fly.toml asks for: a release changes none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flygate.fly.models import Volume as Live
from flygate.manifest import Manifest, Volume


def of(manifest: Manifest | None, live: Iterable[Live]) -> Iterator[str]:
    """Yield a line for each difference, with the command that ends it.

    Args:
        manifest: None while the stack is pinned: fly.toml is not deployed then.
        live: the app's; those of other names are not compared.
    """
    if manifest is None:
        return
    asked = {group.volume.name: group.volume for group in manifest.groups if group.volume}
    for volume in live:
        if volume.name in asked:
            yield from _differences(manifest.app, asked[volume.name], volume)


def _differences(app: str, asked: Volume, live: Live) -> Iterator[str]:
    rest = "it counts for new volumes only. To change this one: `fly volumes"
    where = f"{live.id} -a {app}`"
    # One that has grown, by itself or by hand, is what the file allows.
    if asked.size_gb > live.size_gb:
        yield (
            f"mounts.initial_size is {asked.size_gb} GB, and {live.id} has {live.size_gb} GB: "
            f"{rest} extend --size {asked.size_gb} {where}"
        )
    if _differ(asked.snapshot_retention, live.snapshot_retention):
        yield (
            f"mounts.snapshot_retention is {asked.snapshot_retention}, and {live.id} keeps "
            f"snapshots for {live.snapshot_retention} days: {rest} update --snapshot-retention "
            f"{asked.snapshot_retention} {where}"
        )
    if _differ(asked.scheduled_snapshots, live.auto_backup_enabled):
        wanted = str(asked.scheduled_snapshots).lower()
        yield (
            f"mounts.scheduled_snapshots is {wanted}, and of {live.id} Fly takes "
            f"{'one each day' if live.auto_backup_enabled else 'none'}: {rest} update "
            f"--scheduled-snapshots={wanted} {where}"
        )


def _differ(asked: int | None, live: int | None) -> bool:
    """What neither the file nor Fly says can't differ."""
    return None not in (asked, live) and asked != live
