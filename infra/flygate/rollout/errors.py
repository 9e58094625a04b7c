"""What can go wrong in a rollout; the exit code is the outcome.

RolloutError             1
├── NothingHeld          1: no held rollout to accept or to abort
├── GroupRenamed         1: clients can't move from one process group to another; nothing was done
├── Aborted              1: an operator had a rollout taken back (inside the engine only)
├── ReleaseCommand       1: the release command has failed (inside the engine only)
├── ShareNotAcknowledged 1: a machine does not take an order on its clients (inside the engine only)
├── HookRefused          1: the user's own program refuses it; nothing was done
├── RolloutRestored      2: the release failed, the former one serves as before
├── LockHeld             3: another process is rolling out; nothing was done
├── UnfinishedRollout    3: a way back, beside a rollout that waits for a decision; nothing was done
├── RolloutHeld          3: a gate could not decide; old and new machines serve side by side
├── LeaseLost            4: it stopped half-way, as another rollout may have begun
└── RestoreFailed        4: the release failed, and so did the way back
"""

from __future__ import annotations

from flygate.system.errors import FlygateError


class RolloutError(FlygateError):
    """The root of the tree."""


class HookRefusedError(RolloutError):
    """`hooks/before-rollout` ended with something else than 0."""


class RolloutRestoredError(RolloutError):
    """The release failed and was taken back."""

    exit_code = 2


class LockHeldError(RolloutError):
    """Another rollout holds the app's machines."""

    exit_code = 3


class UnfinishedRolloutError(RolloutError):
    """A release that is held, or whose rollout died, stands beside the one that serves."""

    exit_code = 3


class NothingHeldError(RolloutError):
    """There is no held rollout to accept or to abort; nothing was done."""


class GroupRenamedError(RolloutError):
    """The clients are to move in shares to a group of another name; nothing was done."""


class AbortedError(RolloutError):
    """Why a rollout is taken back: an operator wants it so."""


class RolloutHeldError(RolloutError):
    """A gate could not decide: the rollout stands still until an operator does."""

    exit_code = 3


class ReleaseCommandError(RolloutError):
    """The release command has not exited with 0."""


class ShareNotAcknowledgedError(RolloutError):
    """A machine that runs does not take an order on which clients belong to which release."""


class LeaseLostError(RolloutError):
    """A machine's lease ended under this rollout, so another one may change the machine as well."""

    exit_code = 4


class RestoreFailedError(RolloutError):
    """The release failed, and taking it back failed too: an operator must look."""

    exit_code = 4
