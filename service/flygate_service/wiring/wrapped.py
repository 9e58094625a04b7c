"""Finds what the environment names in an application's modules: the application, key functions."""

import importlib
from typing import Any, cast

from flygate_service.asgi.messages import App
from flygate_service.settings import SettingError

_FORM = "package.module:attribute"


def load(name: str) -> App:
    """The application that SERVICE_APP names: `package.module:attribute`, or `…:factory()`.

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
