"""Encrypted values must not be shown further on, and secrets must be encrypted.

Of each key Pulumi says whether something in it is encrypted, but not what. The stack's file shows
that, if the key is there: a key can also come from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flygate.system.errors import ConfigError

SECRETS: Final = "secrets"
REDIS, URL = "redis", "url"
# How the stack's file marks a value that is encrypted.
_SEAL: Final = "secure"

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Secrecy:
    """Which parts of a stack's configuration are encrypted.

    Attributes:
        values: the configuration, in clear, each key parsed.
        sealed: the keys in which something is encrypted.
        written: the configuration as the stack's file has it.
    """

    values: Mapping[str, Any]
    sealed: Collection[str]
    written: Mapping[str, Any]

    def check(self) -> None:
        """Check that no encrypted value would be shown, and that no secret is in plain text.

        Raises:
            ConfigError: names each such key and the commands that correct it, and no value.
        """
        lines = [*self._shown(), *self._open()]
        if lines:
            raise ConfigError("\n".join(lines))

    def texts(self) -> Iterator[str]:
        """Yield every value that is secret, or may be."""
        for key in {SECRETS, REDIS, *self.sealed}:
            for place in [(REDIS, URL)] if key == REDIS else self._places(key):
                value: Any = self.values
                for name in place:
                    value = value.get(name) if isinstance(value, Mapping) else None
                yield from _leaves(value)

    def _shown(self) -> Iterator[str]:
        """Yield a line for each encrypted value that would be in clear further on."""
        for key in sorted(self.sealed):
            if key == SECRETS:
                continue
            places = [place for place in self._places(key) if not self._may_be_secret(place)]
            if places:
                yield _refusal(key, places, is_known=bool(self._marked(key)))

    def _open(self) -> Iterator[str]:
        """Yield a line for each secret that is in plain text in the file."""
        outside = {} if SECRETS in self.sealed else self.values[SECRETS]
        written = _parsed(self.written.get(SECRETS, outside))
        names = sorted(written) if isinstance(written, Mapping) and not _is_sealed(written) else []
        for name in names:
            if not _is_sealed(written[name]):
                yield _OPEN.format(key=f"{SECRETS}.{name}", what="")
        own = _parsed(self.written.get(REDIS))
        if isinstance(own, Mapping) and URL in own and not _is_sealed(own[URL]):
            yield _OPEN.format(key=f"{REDIS}.{URL}", what=", with the password in it")

    def _places(self, key: str) -> list[Path]:
        """Return the encrypted places of a key; all possible ones if the file shows none."""
        marked = self._marked(key)
        if marked and marked != [(key,)]:
            return marked
        value = self.values.get(key)
        if not isinstance(value, Mapping) or not value:
            return [(key,)]
        if key == REDIS and URL in value and not marked:
            return []  # the one that may be
        return [(key, name) for name in sorted(value)]

    def _marked(self, key: str) -> list[Path]:
        return list(_marks((key,), self.written.get(key)))

    @staticmethod
    def _may_be_secret(place: Path) -> bool:
        return place == (REDIS, URL)


def read(
    raw: Mapping[str, Any], sealed: Collection[str], written: Mapping[str, Any] | None = None
) -> Secrecy:
    """Return the secrecy of a configuration.

    Args:
        raw: key → value in clear: text, or JSON as text.
        sealed: the keys in which something is encrypted.
        written: the same keys as the stack's file has them.
    """
    values = {SECRETS: {}, **{key: _parsed(value) for key, value in raw.items()}}
    return Secrecy(values, sealed, written or {})


_OPEN: Final = (
    "flygate:{key} is in plain text{what}. Change it where it is used, and set it as a secret: "
    "`pulumi config set --secret --path {key}` asks for it."
)


def _refusal(key: str, places: list[Path], *, is_known: bool) -> str:
    names = [".".join(place) for place in places]
    if key == "env":
        return _moved(names, is_known=is_known)
    what = f"flygate:{names[0]}" if len(names) == 1 else f"flygate:{key} ({', '.join(names)})"
    path = "--path " if len(places[0]) > 1 else ""
    return (
        f"{what} is set as a secret, but is shown in clear: in the state, in its backups, and to "
        f"Fly. It must be no secret: `pulumi config set {path}{names[0]} <value>` sets it in clear."
    )


def _moved(names: list[str], *, is_known: bool) -> str:
    """Say what to type for each variable of the environment."""
    listed = ", ".join(f"flygate:{name}" for name in names)
    variables = [name.removeprefix("env.") for name in names if name != "env"] or ["NAME"]
    commands = "".join(
        f"\n  pulumi config set --secret --path secrets.{name}\n"
        f"  pulumi config rm --path env.{name}"
        for name in variables
    )
    what = (
        f"{listed} {'are' if len(names) > 1 else 'is'} set as a secret"
        if is_known
        else f"Something in flygate:env is set as a secret; it has {listed}"
    )
    which = "" if is_known else " Do this for each that is one:"
    return (
        f"{what}, but env is in clear in Pulumi's state, in its backups, and in the configuration "
        "of the machines. A secret of the service belongs into flygate:secrets; if it was deployed "
        f"before, change it, too.{which}{commands}"
    )


def _marks(place: Path, value: Any) -> Iterator[Path]:
    """Yield each variable or setting in which something is encrypted, at any depth."""
    if _is_sealed(value):
        yield place[:2]
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from dict.fromkeys(_marks((*place, str(name)), one))
    elif isinstance(value, list) and any(True for one in value for _ in _marks(place, one)):
        yield place[:2]


def _is_sealed(value: Any) -> bool:
    return isinstance(value, Mapping) and list(value) == [_SEAL]


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping | list):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _leaves(one)
    elif value is not None:
        yield str(value)
