"""`flygate unlock`: put right what a Pulumi that died, or found no room on its disk, left."""

from __future__ import annotations

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.stack.stack import Stack
from flygate.pulumi import lock as pulumi_lock
from flygate.pulumi import state as pulumi_state
from flygate.pulumi.errors import CutOffError, StackLockedError
from flygate.pulumi.lock import Lock, PulumiLock


def unlock(
    environment: StackName,
) -> None:
    """End Pulumi's lock of a stack, if the process that took it is surely dead.

    That of a living process, or of one on another computer, is left alone. A lock or a state in a
    folder that was cut off on a full disk is put right, too: the state comes from its last whole
    copy. The rollout's own locks need no help: they end with their process, or within seconds.

    \b
    Example:
      flygate unlock local

    Exit codes: 0 nothing locks it (any more), 1 the state can't be had again, 3 the holder of the
    lock lives, or may.
    """
    stack = Stack(environment)
    locks = pulumi_lock.find_all(stack.environment, environment)
    for lock in locks:
        _end(lock, environment)
    if not _restored(stack) and not locks:
        print(f"Nothing that can be seen from here locks {environment}.")


def _end(lock: Lock, stack: str) -> None:
    if not lock.is_dead and isinstance(lock, PulumiLock):
        where = "lives" if lock.is_local else "is on another computer, so it may live"
        raise StackLockedError(
            f"{lock} {where}: its lock stays. If you are sure that it is dead: "
            f"pulumi cancel --yes --stack {stack}"
        )
    lock.path.unlink(missing_ok=True)
    print(f"{lock} is dead; its lock has ended. Run the interrupted command again.")


def _restored(stack: Stack) -> bool:
    """A state that was cut off is whole again; False if it is whole."""
    cut = pulumi_state.find_cut(stack.environment, stack.name)
    if cut is None:
        return False
    if cut.copy is None:
        raise CutOffError(
            f"{cut}. If you have one elsewhere: pulumi stack import --stack {stack.name} --file …"
        )
    cut.restore()
    print(
        f"{cut}: it is in its place now. What has happened since, the next deployment takes over "
        f"from what runs: pulumi up --stack {stack.name}"
    )
    return True
