"""The GraphQL documents that our client sends, answered by the Fly in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flygate.fly import graphql

from tests.simulation.fly import PaperFly
from tests.simulation.refusal import RefusalError

Json = dict[str, Any]
_PLANS = ("pay_as_you_go", "fixed_250mb", "fixed_1gb")


def answer(fly: PaperFly, document: str, variables: Json) -> Json:
    """The data, or what GraphQL says of an error: its status is 200 then, too."""
    try:
        return {"data": _data(fly, document, variables)}
    except RefusalError as exc:
        code = {404: "NOT_FOUND", 422: "UNPROCESSABLE"}.get(exc.status, "SERVER_ERROR")
        return {"errors": [{"message": str(exc), "extensions": {"code": code}}], "data": None}


def _data(fly: PaperFly, document: str, variables: Json) -> Json:
    if document not in _DOCUMENTS:
        raise RefusalError(400, f"no such document: {document[:60]}")
    return _DOCUMENTS[document](fly, variables)


def _app(fly: PaperFly, variables: Json) -> Json:
    name = fly.app(variables["name"]).name
    return {"app": {"name": name, "appUrl": f"http://{name}.localhost:4290"}}


def _organization(fly: PaperFly, variables: Json) -> Json:
    return {"organization": {"id": variables["slug"]}}


def _plans(fly: PaperFly, variables: Json) -> Json:
    return {"addOnPlans": {"nodes": [{"id": p, "name": p, "displayName": ""} for p in _PLANS]}}


def _redis(fly: PaperFly, variables: Json) -> Json:
    return {"addOn": _database(fly, variables["name"])}


def _create_redis(fly: PaperFly, variables: Json) -> Json:
    return {"createAddOn": {"addOn": {"id": fly.make_database(variables["input"])["id"]}}}


def _update_redis(fly: PaperFly, variables: Json) -> Json:
    wanted = variables["input"]
    found = next(d for d in fly.databases.values() if d["id"] == wanted["addOnId"])
    found |= {"options": wanted["options"], "metadata": wanted["metadata"]}
    return {"updateAddOn": {"addOn": {"id": found["id"]}}}


def _delete_redis(fly: PaperFly, variables: Json) -> Json:
    name = _database(fly, variables["input"]["name"])["name"]
    del fly.databases[name]
    return {"deleteAddOn": {"deletedAddOnName": name}}


def _database(fly: PaperFly, name: str) -> Json:
    if name not in fly.databases:
        raise RefusalError(404, f"Could not find AddOn {name!r}")
    return fly.databases[name]


_DOCUMENTS: dict[str, Callable[[PaperFly, Json], Json]] = {
    graphql.APP_URL: _app,
    graphql.ORGANIZATION_ID: _organization,
    graphql.REDIS_PLANS: _plans,
    graphql.REDIS: _redis,
    graphql.CREATE_REDIS: _create_redis,
    graphql.UPDATE_REDIS: _update_redis,
    graphql.DELETE_REDIS: _delete_redis,
}
