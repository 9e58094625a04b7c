"""The errors of the local Fly: one class per HTTP status of Fly's API, and those of a start.

FlyError
├── InvalidArgumentError   400    ├── StaleVersionError         409
├── ForbiddenError         403    ├── FailedPreconditionError   412
├── NotFoundError          404    ├── TooLargeError             413
├── DeadlineExceededError  408    ├── ValidationFailedError     422
├── LeaseHeldError         409    ├── NameTakenError            422
└── NoSpaceError           507
StartupError                      the daemon itself can't start
├── ForeignFolderError            the folder named for its state is no local Fly's
└── OptionError                   an option or its value is invalid
"""


class FlyError(Exception):
    """An answer of the API that is not a success."""

    http_status = 500
    reason = "unknown"  # the `status` field of Fly's error body


class InvalidArgumentError(FlyError):
    http_status = 400


class ForbiddenError(FlyError):
    http_status = 403


class NotFoundError(FlyError):
    http_status = 404


class DeadlineExceededError(FlyError):
    http_status = 408


class LeaseHeldError(FlyError):
    http_status = 409


class StaleVersionError(FlyError):
    http_status = 409


class FailedPreconditionError(FlyError):
    http_status = 412


class TooLargeError(FlyError):
    http_status = 413


class ValidationFailedError(FlyError):
    http_status = 422


class NameTakenError(FlyError):
    http_status = 422
    reason = "name_taken"


class NoSpaceError(FlyError):
    http_status = 507
    reason = "no_space"


class StartupError(Exception):
    """The daemon can't start; the message says why and what to do."""


class ForeignFolderError(StartupError):
    """The folder that was named for the state is no local Fly's; nothing was changed."""


class OptionError(StartupError):
    """An option is unknown, or its value is invalid."""
