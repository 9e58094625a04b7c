"""Builds the application: the wrapped one that the environment names, or the demo API."""

import importlib
from typing import Any, cast

from flygate_service.asgi.messages import App
from flygate_service.middleware.replay_filter import ReplayFilter
from flygate_service.settings import SettingError, Settings

_FORM = "package.module:attribute"


def application(settings: Settings, log: Any) -> App:
    """Return the application, with the border that the settings ask for.

    Raises:
        SettingError: see `load`.
    """
    if settings.app is None:
        # FastAPI takes most of the time of a start; a wrapped application may not need it.
        from flygate_service.routes.api import demo_api  # noqa: PLC0415

        return demo_api(settings)
    app = load(settings.app)
    if settings.allows_replay:
        return app
    advice = "its answers give Fly Proxy no orders; SERVICE_ALLOW_REPLAY=1 lets them"
    return ReplayFilter(app, lambda path: log.warning("replay dropped", path=path, advice=advice))


def load(name: str) -> App:
    """Return the application that SERVICE_APP names: `package.module:attribute`, or `…:factory()`.

    Raises:
        SettingError: there is no such module or attribute. What the application itself raises
            while it is imported is passed on, with its traceback.
    """
    found = find("SERVICE_APP", name.removesuffix("()"))
    return cast(App, found() if name.endswith("()") else found)


def find(what: str, name: str) -> Any:
    """Import `package.module:attribute`.

    Raises:
        SettingError: naming what was looked for; see `load`.
    """
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute:
        raise SettingError(what, name, f"{_FORM}, or {_FORM}() to call it")
    found = _module(what, module_name, name)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise SettingError(what, name, f"{_FORM}; {module_name} has no {part!r}")
        found = getattr(found, part)
    return found


def _module(what: str, module_name: str, name: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        # A module that the application itself misses is another mistake.
        if exc.name is None or not module_name.startswith(exc.name):
            raise
        raise SettingError(what, name, f"{_FORM}; no module {exc.name!r}") from exc
