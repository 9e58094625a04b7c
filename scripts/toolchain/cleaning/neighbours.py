"""What lives in a checkout beside the stack `local`, found by its files alone.

A stack that `flygate init staging` made without another backend has its state in `.flygate/state`;
one with a backend of its own may have its secrets encrypted with `.flygate/passphrase`; one that
was tried on the local Fly has its app there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.toolchain.checkout import Checkout

LOCAL = "local"
_USUAL_APP = "flygate-local"

_PROJECT = re.compile(r"""^name:\s*["']?([\w.-]+)""", re.MULTILINE)
_STATE = re.compile(r"(.+)\.json(\.gz)?")
_SALT = re.compile(r"^encryptionsalt:", re.MULTILINE)
_APP = re.compile(r"""^\s*["']?[\w-]+:app["']?:\s*["']?([\w-]+)""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The other stacks, by what of them is here.

    Attributes:
        in_state: their state is in `.flygate/state`; with the project's name if it is another one.
        on_local_fly: their app is on the local Fly of this checkout.
        by_passphrase: their file has secrets that a passphrase encrypts, perhaps this checkout's.
        journals: what rollouts of other apps did, which is recorded nowhere else.
    """

    in_state: tuple[str, ...]
    on_local_fly: tuple[str, ...]
    by_passphrase: tuple[str, ...]
    journals: tuple[Path, ...]

    @classmethod
    def of(cls, checkout: Checkout) -> "Neighbours":
        """Look around."""
        files = dict(_stack_files(checkout.root))
        apps = {path.stem for path in (checkout.flygate / "local" / "apps").glob("*.json")}
        own = {_USUAL_APP, _app(files.pop(LOCAL, ""))}
        return cls(
            in_state=tuple(sorted(set(_stacks(checkout)))),
            on_local_fly=tuple(name for name, text in files.items() if _app(text) in apps),
            by_passphrase=tuple(name for name, text in files.items() if _SALT.search(text)),
            journals=tuple(
                path
                for path in sorted((checkout.flygate / "journal").glob("*.jsonl"))
                if path.stem not in own
            ),
        )


def _stack_files(root: Path) -> Iterator[tuple[str, str]]:
    """The text of each `Pulumi.<stack>.yaml`, by the stack's name."""
    for path in sorted(root.glob("Pulumi.*.yaml")):
        name = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
        yield name, path.read_text(encoding="utf-8", errors="replace")


def _app(text: str) -> str:
    found = _APP.search(text)
    return found[1] if found else ""


def _stacks(checkout: Checkout) -> Iterator[str]:
    """Every stack that Pulumi keeps here but the local one; in whatever project."""
    text = (checkout.root / "Pulumi.yaml").read_text(encoding="utf-8")
    project = found[1] if (found := _PROJECT.search(text)) else ""
    folder = checkout.flygate / "state" / ".pulumi" / "stacks"
    for path in folder.rglob("*"):
        matched = _STATE.fullmatch(path.name)
        if not matched or not path.is_file():
            continue
        where = path.parent.relative_to(folder).as_posix()
        if (where, matched[1]) != (project, LOCAL):
            yield matched[1] if where in {project, "."} else f"{where}/{matched[1]}"
