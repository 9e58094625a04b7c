"""`scripts/clean`: looks first, then ends the local Fly, then removes; says what stays and why."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from localfly.errors import StartupError
from localfly.state.folder import StateFolder
from localfly.state.lock import StateLock

from scripts.toolchain.checkout import Checkout
from scripts.toolchain.cleaning.activity import at_work
from scripts.toolchain.cleaning.neighbours import Neighbours
from scripts.toolchain.cleaning.sweep import remove
from scripts.toolchain.console import Console
from scripts.toolchain.errors import BootstrapError, CommandError
from scripts.toolchain.locks import locked

# What is made again, without a loss, by the next `make up`.
_MADE_AGAIN = (
    ".venv",
    ".flygate/bench",
    ".flygate/env",
    ".flygate/env.new",
    ".flygate/lock",
    ".flygate/passphrase.new",
    ".flygate/preview",
    ".flygate/timings.jsonl",
    ".flygate/toolchain",
    ".hypothesis",
    ".import_linter_cache",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
)
_STATE = ".flygate/state"
_LOCAL_FLY = ".flygate/local"
_LOCAL_FILE = "Pulumi.local.yaml"
_PASSPHRASE = ".flygate/passphrase"  # noqa: S105 (where it is)
_JOURNAL = ".flygate/journal"
_LOCK = ".flygate/bootstrap.lock"


class InUseError(BootstrapError):
    """Something runs that needs what would be removed."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays, and why."""

    paths: tuple[str, ...]
    why: str


def main() -> int:
    console, checkout = Console("clean"), Checkout.here()
    try:
        clean(checkout, console)
    except (BootstrapError, StartupError, OSError) as exc:
        console.fail(str(exc))
        return 1
    return 0


def clean(checkout: Checkout, console: Console) -> None:
    """Removes what was made in a checkout, but nothing that another stack needs.

    Raises:
        InUseError: a deployment runs; nothing was changed.
    """
    if busy := at_work(checkout):
        raise InUseError(
            f"{', '.join(busy)} is at work. Nothing was removed; wait until it has ended."
        )
    with locked(checkout.root / _LOCK, console):
        kept = list(_kept(Neighbours.of(checkout)))
        _end_local_fly(checkout)
        if checkout.flygate.is_symlink():
            _clean_around_link(checkout, console)
            return
        for path in _removable(checkout, {path for one in kept for path in one.paths}):
            remove(path)
        _forget_local_fly(checkout, kept)
    _tell(checkout, console, kept)


def _kept(others: Neighbours) -> Iterator[Kept]:
    here = sorted({*others.in_state, *others.on_local_fly})
    if here:
        parts = [f"Pulumi's state of {', '.join(others.in_state)}"] if others.in_state else []
        if others.on_local_fly:
            parts.append(f"what runs of {', '.join(others.on_local_fly)} on the local Fly")
        why = " and ".join(parts) + "; the local stack beside it stays, too"
        yield Kept((_STATE, _LOCAL_FLY, _LOCAL_FILE), why)
        yield Kept((_PASSPHRASE,), f"the key of the secrets of {', '.join(here)}")
    elif others.by_passphrase:
        files = ", ".join(f"Pulumi.{name}.yaml" for name in others.by_passphrase)
        why = f"perhaps the key of the secrets in {files}; delete it yourself if they have another"
        yield Kept((_PASSPHRASE,), why)
    if others.journals:
        names = tuple(f"{_JOURNAL}/{path.name}" for path in others.journals)
        apps = ", ".join(path.stem for path in others.journals)
        yield Kept(names, f"what rollouts of {apps} did, for `flygate judge`")


def _end_local_fly(checkout: Checkout) -> None:
    """Raises AtWork where there is no .venv, and so no command to end it."""
    folder = checkout.root / _LOCAL_FLY
    if not StateFolder(folder).is_ours:
        return
    if not checkout.python.exists():
        if (pid := StateLock(folder).holder()) is not None:
            raise InUseError(
                f"the local Fly (process {pid}) runs, and without .venv there is no command to end "
                "it. Nothing was removed. `make bootstrap`, then `make clean` again."
            )
        return
    command = [str(checkout.root / "flygate"), "local", "down"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        output = done.stdout + done.stderr
        raise CommandError("Ending the local Fly", "flygate", done.returncode, output)


def _clean_around_link(checkout: Checkout, console: Console) -> None:
    """What a link leads to may be another checkout's."""
    for name in _MADE_AGAIN:
        if not name.startswith(".flygate/"):
            remove(checkout.root / name)
    console.say(
        f".flygate is a link to {checkout.flygate.resolve()}: what is there stays, and so does "
        f"{_LOCAL_FILE}. Remove the link, and this again removes the rest."
    )


def _removable(checkout: Checkout, kept: set[str]) -> Iterator[Path]:
    """Return all that Flygate made, without what stays and the local Fly's folder."""
    names = [*_MADE_AGAIN, _STATE, _LOCAL_FILE, _PASSPHRASE]
    yield from (checkout.root / name for name in names if name not in kept)
    yield from checkout.flygate.glob("init-*")
    for path in (checkout.root / _JOURNAL).glob("*"):
        if f"{_JOURNAL}/{path.name}" not in kept:
            yield path


def _forget_local_fly(checkout: Checkout, kept: list[Kept]) -> None:
    """Of its folder what it wrote; then the folders that are empty now."""
    folder = StateFolder(checkout.root / _LOCAL_FLY)
    if folder.is_ours and not any(_LOCAL_FLY in one.paths for one in kept):
        folder.purge()
    remove(checkout.root / _LOCK)
    for path in (folder.path, checkout.root / _JOURNAL, checkout.flygate):
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()


def _tell(checkout: Checkout, console: Console, kept: list[Kept]) -> None:
    known = {checkout.root / name for one in kept for name in one.paths}
    known.add(checkout.root / _JOURNAL)
    others = sorted(checkout.flygate.iterdir()) if checkout.flygate.is_dir() else []
    strange = [f".flygate/{path.name}" for path in others if path not in known]
    if not (kept or strange):
        return
    console.say("Left what other stacks need, or was not made here:")
    for one in kept:
        console.say(f"  {', '.join(one.paths)}\n      {one.why}")
    if strange:
        console.say(f"  {', '.join(strange)}\n      not made by Flygate")
    if any(_STATE in one.paths for one in kept):
        console.say(
            "`pulumi destroy --stack NAME`, then `pulumi stack rm NAME`, gives up a stack; "
            "`make clean` then removes the rest."
        )


if __name__ == "__main__":
    sys.exit(main())
