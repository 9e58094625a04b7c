"""What can go wrong in the limiter. A denial is no error: it is a `Decision`.

LimiterError
├── QuotaError       a quota that cannot be understood
├── PolicyError      a policy, or a set of them, that makes no sense
├── AddressError     a Redis URL that cannot be understood
├── KeyFailed        an application's key function gave no bucket
└── StoreError       the store could not do what was asked
    ├── StoreFull         no room for one more bucket that must be kept
    ├── StoreUnavailable  it cannot be reached, or not in time
    │   └── StoreBusyError     more wait for it than it will get done in time
    └── ForeignSnapshot   a snapshot that was made with another seed
"""

from typing import Final

_LONGEST_SHOWN: Final = 80
_LONGEST_TOLD: Final = 200


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
    """So many wait for the store already that one more would not be answered in time."""


class ForeignSnapshotError(StoreError):
    """A snapshot whose fingerprints were made with another seed than this store's."""


def told(error: Exception) -> str:
    """What an application's own code said when it failed: on one line, cut."""
    return f"{type(error).__name__}: {error}"[:_LONGEST_TOLD].replace("\n", " ")


def shown(value: object) -> str:
    """What was found, as it stands in an error's text: on one line, and not longer than one."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of too many digits, lists that are too deep
        return f"a {type(value).__name__} that is too large to be shown"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}… ({len(text)} long)"
