"""One rule: which requests share a bucket, and how large it is."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .errors import PolicyError
from .quota import Quota
from .request import Request
from .store.base import Failure


class Mode(StrEnum):
    """What a policy's denial does."""

    ENFORCE = "enforce"  # the request is refused
    SHADOW = "shadow"  # it is only counted
    OFF = "off"  # it is not even asked for


KeyFunction = Callable[[Request], str]


def by_client(request: Request) -> str:
    """A bucket for each client address."""
    return request.client


# The name travels in a header as a structured-field string, and as a metric's label.
_NAME_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


# Compared by identity: two policies with one name in two versions of a set are not the same.
@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A named quota for the requests that share a key.

    Args:
        name: the word that users see in headers, logs and metrics.
        quota: the bucket.
        key: whose bucket a request belongs to.
        cost: units for each request.
        mode: enforce, shadow or off.
        failure: what becomes of a request when the store cannot be asked.
    """

    name: str
    quota: Quota
    key: KeyFunction = by_client
    cost: int = 1
    mode: Mode = Mode.ENFORCE
    failure: Failure = Failure.FAIR_SHARE

    def __post_init__(self) -> None:
        """Check what types cannot say."""
        if not self.name or not _NAME_CHARACTERS.issuperset(self.name):
            raise PolicyError(
                f"a policy's name has only a-z, 0-9, '-', '_' and '.'; found {self.name!r}"
            )
        if self.cost < 1:
            raise PolicyError(f"policy {self.name!r} costs {self.cost}; it must be 1 or more")
