"""Finds the application that `SERVICE_APP` names."""

import importlib
from typing import Any, cast

from .asgi import App
from .settings import SettingError

_FORM = "package.module:attribute, or package.module:factory()"


def load(name: str) -> App:
    """Import `package.module:attribute`, or call `package.module:factory()`.

    Raises:
        SettingError: there is no such module or attribute. What the application itself raises
            while it is imported is passed on, with its traceback.
    """
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute:
        raise SettingError("SERVICE_APP", name, _FORM)
    found: Any = _module(module_name, name)
    for part in attribute.removesuffix("()").split("."):
        if not hasattr(found, part):
            raise SettingError("SERVICE_APP", name, f"{_FORM}; {module_name} has no {part!r}")
        found = getattr(found, part)
    return cast(App, found() if attribute.endswith("()") else found)


def _module(module_name: str, name: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # A module that the application itself misses is another mistake.
        if error.name is None or not module_name.startswith(error.name):
            raise
        raise SettingError("SERVICE_APP", name, f"{_FORM}; no module {error.name!r}") from error
