"""What can go wrong when the Pulumi CLI is run.

PulumiError                1: Pulumi ended with an error that has no class here
├── BackendError           1: the place of the state can't be reached, or wants a login
├── CutOffError            1: the state, or a lock, was cut off while it was written
├── NoRoomError            1: a disk is full
├── NoSuchStackError       1: the backend has no stack of that name
├── NotInstalledError      1: no `pulumi` is on the PATH
├── StackExistsError       1: a stack of that name was made before
├── StackLockedError       3: another Pulumi works on the stack, or died and left its lock
├── UnsetKeyError          1: the stack's configuration has no such key
└── WrongPassphraseError   1: the stack's secrets can't be decrypted
"""

from __future__ import annotations

from typing import Final

from flygate.system.errors import DiskFullError, FlygateError

LOCAL_STACK: Final = "local"


class PulumiError(FlygateError):
    """The root of the tree."""


class BackendError(PulumiError):
    """The place of the state can't be reached, or wants a login."""


class CutOffError(PulumiError):
    """The state, or a lock, was cut off while it was written: Pulumi can't read it."""


class NoRoomError(PulumiError, DiskFullError):
    """A disk is full."""


class NoSuchStackError(PulumiError):
    """The backend has no stack of that name."""

    @classmethod
    def of(cls, stack: str) -> NoSuchStackError:
        """Say how to make it."""
        command = "make up" if stack == LOCAL_STACK else f"flygate init {stack}"
        return cls(f"There is no stack {stack!r} yet. Make it with `{command}`.")


class NotInstalledError(PulumiError):
    """No `pulumi` is on the PATH."""


class StackExistsError(PulumiError):
    """A stack of that name was made before."""


class StackLockedError(PulumiError):
    """Another Pulumi works on the stack, or died and left its lock."""

    exit_code = 3


class UnsetKeyError(PulumiError):
    """The stack's configuration has no such key."""


class WrongPassphraseError(PulumiError):
    """The stack's secrets can't be decrypted."""
