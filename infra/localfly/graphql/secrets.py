"""App secrets, without their values; and the old way to change them, which makes a release."""

from typing import Final

from localfly.accounts.user import USER
from localfly.apps.app import App
from localfly.apps.secret_store import Secret
from localfly.graphql.context import Info, Json
from localfly.graphql.resolvers import ResolverMap, attribute, constant
from localfly.timing.timestamp import rfc3339


def _set(_: None, info: Info, input: Json) -> Json:  # noqa: A002 (the argument's name)
    app, secrets = info.context.app(input["appId"]), info.context.cloud.secrets
    values: dict[str, str | None] = {one["key"]: one["value"] for one in input["secrets"]}
    if input.get("replaceAll"):
        values = {**dict.fromkeys(secrets.of(app.name).secrets), **values}
    secrets.update(app.name, values)
    return _payload(info, app)


def _unset(_: None, info: Info, input: Json) -> Json:  # noqa: A002
    app = info.context.app(input["appId"])
    info.context.cloud.secrets.update(app.name, dict.fromkeys(input["keys"]))
    return _payload(info, app)


def _payload(info: Info, app: App) -> Json:
    return {"app": app, "release": info.context.cloud.releases.current(app.name)}


def _of_app(app: App, info: Info) -> list[Secret]:
    return list(info.context.cloud.secrets.of(app.name).secrets.values())


RESOLVERS: Final[ResolverMap] = {
    "Mutations": {"setSecrets": _set, "unsetSecrets": _unset},
    "App": {"secrets": _of_app},
    "Secret": {
        "id": attribute("name"),
        "createdAt": lambda secret, _: rfc3339(secret.created_at),
        "user": constant(USER),
    },
}
