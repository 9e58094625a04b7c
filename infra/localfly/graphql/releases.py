"""Release records, the same ones that the releases API writes (docs/fly-api.md 5.3)."""

from typing import Any, Final

from localfly.accounts.user import USER
from localfly.apps.app import App
from localfly.apps.release import Release
from localfly.graphql.connection import connection
from localfly.graphql.context import Info, Json
from localfly.graphql.resolvers import Resolver, ResolverMap, attribute, constant
from localfly.timing.timestamp import rfc3339


def _create(_: None, info: Info, input: Json) -> Json:  # noqa: A002 (the argument's name)
    app = info.context.app(input["appId"])
    release = info.context.cloud.releases.create(
        app.name,
        strategy=input["strategy"],
        image_ref=input["image"],
        definition=input["definition"],
        user=USER.email,
    )
    return {"app": app, "release": release}


def _update(_: None, info: Info, input: Json) -> Json:  # noqa: A002
    releases = info.context.cloud.releases
    release = releases.get(input["releaseId"])
    releases.update(release, input.get("status"), input.get("metadata"))
    return {"release": release}


def _listed(
    app: App, info: Info, first: int | None = None, status: str | None = None, **_: Any
) -> Json:
    found = info.context.cloud.releases.of(app.name)
    return connection((one for one in found if status in {None, "", one.status}), first)


def _one(app: App, info: Info, id: str = "", version: int = 0) -> Release | None:  # noqa: A002
    found = info.context.cloud.releases.of(app.name)
    return next((one for one in found if one.id == id or one.version == version), None)


def _current(app: App, info: Info) -> Release | None:
    return info.context.cloud.releases.current(app.name)


def _version(app: App, info: Info) -> int:
    current = _current(app, info)
    return current.version if current else 0


def _config_of_app(app: App, info: Info) -> Json:
    current = _current(app, info)
    return _config(current.definition if current else {})


def _config(definition: Json) -> Json:
    return {"definition": definition, "errors": [], "services": [], "valid": True}


_RELEASE: Final[dict[str, Resolver]] = {
    "deploymentStrategy": attribute("strategy"),
    "description": constant("Release"),
    "reason": constant("deploy"),
    "user": constant(USER),
    "createdAt": lambda release, _: rfc3339(release.created_at),
    "updatedAt": lambda release, _: rfc3339(release.updated_at),
}

RESOLVERS: Final[ResolverMap] = {
    "Mutations": {"createRelease": _create, "updateRelease": _update},
    "App": {
        "config": _config_of_app,
        "currentRelease": _current,
        "currentReleaseUnprocessed": _current,
        "release": _one,
        "releases": _listed,
        "releasesUnprocessed": _listed,
        "version": _version,
    },
    "Release": {**_RELEASE, "config": lambda release, _: _config(release.definition)},
    "ReleaseUnprocessed": {**_RELEASE, "configDefinition": attribute("definition")},
}
