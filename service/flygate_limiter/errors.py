"""What can go wrong in the limiter. A denial is no error: it is a `Decision`.

LimiterError
├── QuotaError       a quota that cannot be understood
├── PolicyError      a policy, or a set of them, that makes no sense
├── AddressError     a Redis URL that cannot be understood
├── KeyFunctionError an application's key function gave no bucket
└── StoreError       the store could not do what was asked
    ├── StoreFullError         no room for one more bucket that must be kept
    ├── StoreUnavailableError  it cannot be reached, or not in time
    │   └── StoreBusyError     more wait for it than it will get done in time
    └── ForeignSnapshotError   a snapshot that was made with another seed
"""

from typing import Final

_LONGEST_SHOWN: Final = 80
_LONGEST_LINE: Final = 200


class LimiterError(Exception):
    """The root: catch it to catch everything that the limiter raises."""


class QuotaError(LimiterError, ValueError):
    """A quota that cannot be understood."""


class PolicyError(LimiterError, ValueError):
    """A policy, or a set of policies, that makes no sense."""


class AddressError(LimiterError, ValueError):
    """A Redis URL that cannot be understood."""


class KeyFunctionError(LimiterError):
    """An application's key function raised, or gave no bucket's name."""


class StoreError(LimiterError):
    """The store could not do what was asked of it."""


class StoreFullError(StoreError):
    """There is no room for one more bucket that must be kept."""


class StoreUnavailableError(StoreError):
    """The store cannot be reached, did not answer in time, or answered with an error."""


class StoreBusyError(StoreUnavailableError):
    """Too many requests wait for the store for one more to be answered in time."""


class ForeignSnapshotError(StoreError):
    """A snapshot whose fingerprints were made with another seed than this store's."""


def one_line(error: Exception) -> str:
    """Return the message of an error of an application's code: on one line, cut."""
    return f"{type(error).__name__}: {error}"[:_LONGEST_LINE].replace("\n", " ")


def shown(value: object) -> str:
    """Return what was found, as an error's text shows it: on one line, cut."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of too many digits, lists that are too deep
        return f"a {type(value).__name__} that is too large to be shown"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}… ({len(text)} long)"
