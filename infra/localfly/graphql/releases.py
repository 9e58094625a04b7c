"""Release records, those that the releases API writes (docs/fly-api.md 5.3), and the old way to
change secrets, which makes one.
"""

from typing import Any

from localfly.app import App
from localfly.graphql import apps, organizations
from localfly.graphql.world import Info, Json, World, connection
from localfly.release import Release
from localfly.times import rfc3339
from localfly.user import USER


def mutations(world: World) -> Json:
    releases = world.cloud.releases

    def create(_: Info, input: Json) -> Json:  # noqa: A002 (the argument's name)
        app = world.app(input["appId"])
        release = releases.create(
            app.name,
            strategy=input["strategy"],
            image_ref=input["image"],
            definition=input["definition"],
            user=USER.email,
        )
        return {"app": apps.app_document(world, app), "release": release_document(release)}

    def update(_: Info, input: Json) -> Json:  # noqa: A002
        release = releases.get(input["releaseId"])
        releases.update(release, input.get("status"), input.get("metadata"))
        return {"release": release_document(release)}

    def set_secrets(_: Info, input: Json) -> Json:  # noqa: A002
        app = world.app(input["appId"])
        values: dict[str, str | None] = {one["key"]: one["value"] for one in input["secrets"]}
        if input.get("replaceAll"):
            values = {**dict.fromkeys(world.cloud.secrets.of(app.name).secrets), **values}
        world.cloud.secrets.update(app.name, values)
        return {"app": apps.app_document(world, app), "release": _current(world, app)}

    def unset_secrets(_: Info, input: Json) -> Json:  # noqa: A002
        app = world.app(input["appId"])
        world.cloud.secrets.update(app.name, dict.fromkeys(input["keys"]))
        return {"app": apps.app_document(world, app), "release": _current(world, app)}

    return {
        "createRelease": create,
        "updateRelease": update,
        "setSecrets": set_secrets,
        "unsetSecrets": unset_secrets,
    }


def fields(world: World, app: App) -> Json:
    """Those of the type App."""
    releases = world.cloud.releases

    def listed(_: Info, first: int | None = None, status: str | None = None, **__: Any) -> Json:
        found = (one for one in releases.of(app.name) if status in {None, "", one.status})
        return connection(map(release_document, found), first)

    def release(_: Info, id: str = "", version: int = 0) -> Json | None:  # noqa: A002
        found = (r for r in releases.of(app.name) if r.id == id or r.version == version)
        return next(map(release_document, found), None)

    current = releases.current(app.name)
    return {
        "version": current.version if current else 0,
        "config": _config(current),
        "currentRelease": current and release_document(current),
        "currentReleaseUnprocessed": current and release_document(current),
        "release": release,
        "releases": listed,
        "releasesUnprocessed": listed,
    }


def release_document(release: Release) -> Json:
    return {
        "id": release.id,
        "version": release.version,
        "status": release.status,
        "stable": release.stable,
        "inProgress": release.in_progress,
        "deploymentStrategy": release.strategy,
        "description": "Release",
        "reason": "deploy",
        "imageRef": release.image_ref,
        "config": _config(release),
        "configDefinition": release.definition,
        "metadata": release.metadata,
        "user": organizations.user_document(),
        "createdAt": rfc3339(release.created_at),
        "updatedAt": rfc3339(release.updated_at),
    }


def _config(release: Release | None) -> Json:
    definition = release.definition if release else {}
    return {"definition": definition, "errors": [], "services": [], "valid": True}


def _current(world: World, app: App) -> Json | None:
    current = world.cloud.releases.current(app.name)
    return release_document(current) if current else None
