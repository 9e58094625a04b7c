"""The GraphQL documents that Flygate sends, and how their answers are read."""

from __future__ import annotations

from typing import Any

from flygate.fly.errors import FlyApiError, NotFoundError, error_for

APP_URL = "query($name:String!){app(name:$name){name hostname appUrl}}"
ORGANIZATIONS = "query($admin:Boolean!){organizations(admin:$admin){nodes{slug rawSlug}}}"
ORGANIZATION_ID = "query($slug:String!){organization(slug:$slug){id}}"

# As flyctl asks for them (`fly redis …`).
REDIS = (
    'query($name:String!){addOn(name:$name,provider:"upstash_redis"){id name errorMessage '
    "primaryRegion readRegions options metadata publicUrl organization{slug} "
    "addOnPlan{id name displayName}}}"
)
REDIS_PLANS = "query{addOnPlans(type:upstash_redis){nodes{id name displayName}}}"
CREATE_REDIS = "mutation($input:CreateAddOnInput!){createAddOn(input:$input){addOn{id}}}"
UPDATE_REDIS = "mutation($input:UpdateAddOnInput!){updateAddOn(input:$input){addOn{id}}}"
DELETE_REDIS = "mutation($input:DeleteAddOnInput!){deleteAddOn(input:$input){deletedAddOnName}}"

# GraphQL answers 200 and says in the error what it would have been.
_STATUS = {
    "BAD_REQUEST": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "UNPROCESSABLE": 422,
}


def data(action: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Return the data of an answer.

    Args:
        action: what was requested, for an error's text.

    Raises:
        FlyApiError: Fly says why not; the leaf of the tree is by its code.
    """
    errors = answer.get("errors") or []
    if not errors:
        return dict(answer.get("data") or {})
    message = str(errors[0].get("message", "no reason given"))
    code = str((errors[0].get("extensions") or {}).get("code", ""))
    status = _STATUS.get(code, 404 if message.startswith("Could not find") else 0)
    raise error_for(action, status, message, "") if status else FlyApiError(action, 200, message)


def app_url(name: str, answer: dict[str, Any]) -> str:
    """The `appUrl` of an app.

    Raises:
        NotFoundError: there is no such app.
    """
    app = answer.get("app")
    if not app:
        raise NotFoundError(f"query app {name}", 200, "no such app")
    return str(app.get("appUrl") or f"https://{app['hostname']}").rstrip("/")
