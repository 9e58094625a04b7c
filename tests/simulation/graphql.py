"""The GraphQL documents that our client sends, answered by the Fly in memory."""

from __future__ import annotations

from typing import Any

from infra.fly import graphql
from tests.simulation.fly import PaperFly
from tests.simulation.refusal import Refusal

Json = dict[str, Any]
_PLANS = ("pay_as_you_go", "fixed_250mb", "fixed_1gb")


def answer(fly: PaperFly, document: str, variables: Json) -> Json:
    """The data, or what GraphQL says of an error: its status is 200 all the same."""
    try:
        return {"data": _data(fly, document, variables)}
    except Refusal as exc:
        code = {404: "NOT_FOUND", 422: "UNPROCESSABLE"}.get(exc.status, "SERVER_ERROR")
        return {"errors": [{"message": str(exc), "extensions": {"code": code}}], "data": None}


def _data(fly: PaperFly, document: str, variables: Json) -> Json:
    wanted = variables.get("input", {})
    match document:
        case graphql.APP_URL:
            name = fly.app(variables["name"]).name
            return {"app": {"name": name, "appUrl": f"http://{name}.localhost:4290"}}
        case graphql.ORGANIZATION_ID:
            return {"organization": {"id": variables["slug"]}}
        case graphql.REDIS_PLANS:
            nodes = [{"id": one, "name": one, "displayName": ""} for one in _PLANS]
            return {"addOnPlans": {"nodes": nodes}}
        case graphql.REDIS:
            return {"addOn": _database(fly, variables["name"])}
        case graphql.CREATE_REDIS:
            return {"createAddOn": {"addOn": {"id": fly.make_database(wanted)["id"]}}}
        case graphql.UPDATE_REDIS:
            found = next(d for d in fly.databases.values() if d["id"] == wanted["addOnId"])
            found |= {"options": wanted["options"], "metadata": wanted["metadata"]}
            return {"updateAddOn": {"addOn": {"id": found["id"]}}}
        case graphql.DELETE_REDIS:
            del fly.databases[_database(fly, wanted["name"])["name"]]
            return {"deleteAddOn": {"deletedAddOnName": wanted["name"]}}
    raise Refusal(400, f"no such document: {document[:60]}")


def _database(fly: PaperFly, name: str) -> Json:
    if name not in fly.databases:
        raise Refusal(404, f"Could not find AddOn {name!r}")
    return fly.databases[name]
