"""The GraphQL documents that we send, and how their answers are read."""

from __future__ import annotations

from typing import Any

from infra.fly.errors import FlyApiError, NotFound

APP_URL = "query($name:String!){app(name:$name){name hostname appUrl}}"


def app_url(name: str, answer: dict[str, Any]) -> str:
    """The `appUrl` of an app.

    Raises:
        NotFound: there is no such app.
        FlyApiError: Fly could not answer the query.
    """
    app = (answer.get("data") or {}).get("app")
    if app:
        return str(app.get("appUrl") or f"https://{app['hostname']}").rstrip("/")
    errors = answer.get("errors") or [{}]
    message = str(errors[0].get("message", "no such app"))
    kind = NotFound if "find" in message or not answer.get("errors") else FlyApiError
    raise kind(f"query app {name}", 200, message)
