"""The errors that an operator may see. Each says what was requested, what was found, what to do.

FlygateError
├── ConfigError        the stack's configuration, fly.toml or the environment is wrong
├── DiskFull           a disk has no room for what must be written
├── ImageError         an image can't be packed or is in no registry
│   └── SourceChangedError       the checkout is another one than the plan's
├── LedgerError        the record of releases can't be read, or lacks a release
│   └── LedgerUnreadableError    it can't be read
├── MovedError         the live app is not what the preview showed
├── OwnerError         the app is another stack's, or this stack's app is another one
├── PinnedError        the stack is pinned to an earlier release, or its file carries a void pin
├── PromotionError     a release may not go to this stack (yet)
├── RolloutError       infra/flygate/rollout/errors.py
└── FlyError           infra/flygate/fly/errors.py
"""


class FlygateError(Exception):
    """The root of the tree; its text is written for the operator."""

    exit_code = 1


class ConfigError(FlygateError):
    """The stack's configuration, `fly.toml` or the environment is wrong."""


class DiskFullError(FlygateError):
    """A disk has no room for what must be written."""


class ImageError(FlygateError):
    """An image can't be packed, or no registry has it."""


class SourceChangedError(ImageError):
    """The checkout was changed between the plan and the release."""


class LedgerError(FlygateError):
    """The record of releases can't be read, or lacks a release."""


class LedgerUnreadableError(LedgerError):
    """The record of releases can't be read.

    Attributes:
        problem: what is wrong, without a remedy.
    """

    def __init__(self, why: str) -> None:
        """Make the message.

        Args:
            why: what is wrong with it; nothing of its text, which holds secrets.
        """
        self.problem = f"The ledger in Pulumi's state can't be read ({why})"
        super().__init__(
            f"{self.problem}: it was cut off, edited, or written by a newer Flygate. Nothing is "
            "lost that still runs: the next `pulumi up` takes over what runs, and `flygate ledger "
            "show` says what is known."
        )


class PinnedError(FlygateError):
    """The stack is pinned, and the request would end that; or the pin is void."""


class PromotionError(FlygateError):
    """What another stack proved is not what shall run, or not proved for long enough."""


class MovedError(FlygateError):
    """The live app is not what the preview showed."""


class OwnerError(FlygateError):
    """The app is another stack's, or the configuration names another app than the state has."""
