"""One rule: which requests share a bucket, and how large it is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from flygate_limiter.charge import Charge, Failure, Key
from flygate_limiter.errors import PolicyError, shown
from flygate_limiter.networks import Networks
from flygate_limiter.quota import Quota
from flygate_limiter.request import Request
from flygate_limiter.share import share_of

from .key_function import KeyFunction, by_client
from .route import Route


class Mode(StrEnum):
    """What a policy's denial does."""

    ENFORCE = "enforce"  # the request is refused
    SHADOW = "shadow"  # it is only counted
    OFF = "off"  # the policy does not apply


# Makes a named tuple in half the time that calling its class takes.
_new: Final = tuple.__new__

# The name travels in a header as a structured-field string, and as a metric's label.
NAME: Final = re.compile(r"[a-z0-9_.-]+")
_MOST_COST: Final = 1_000_000_000


# Compared by identity: two policies with one name in two versions of a set are not the same.
@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A named quota for the requests that share a key.

    Args:
        name: the word that users see in headers, logs and metrics.
        quota: the bucket.
        key: gives the key of a request's bucket.
        cost: units for each request.
        mode: enforce, shadow or off.
        failure: what happens to a request while the store cannot be asked.
        routes: the routes that it is about; none means all.
        overrides: other quotas for some keys.
        exempt: addresses that it is not about.
    """

    name: str
    quota: Quota
    key: KeyFunction = by_client
    cost: int = 1
    mode: Mode = Mode.ENFORCE
    failure: Failure = Failure.FAIR_SHARE
    routes: tuple[Route, ...] = ()
    overrides: Mapping[str, Quota] = field(default_factory=dict)
    exempt: Networks = field(default_factory=Networks)
    _bucket: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check what types cannot say."""
        if not NAME.fullmatch(self.name):
            raise PolicyError(
                f"a policy's name has only a-z, 0-9, '-', '_' and '.'; found {shown(self.name)}"
            )
        if not 1 <= self.cost <= _MOST_COST:
            raise PolicyError(
                f"policy {self.name!r} costs {shown(self.cost)}; it must be 1 or more,"
                f" up to {_MOST_COST}"
            )
        object.__setattr__(self, "_bucket", self.bucket_name(self.quota))

    def is_on_route(self, request: Request) -> bool:
        """Whether it is about the request's method and path."""
        return not self.routes or any(route.matches(request) for route in self.routes)

    def charge(self, request: Request) -> Charge:
        """Return what a request takes, and from which bucket.

        Raises:
            KeyFunctionError: an application's key function fails.
        """
        return self.charge_for(self.key(request), request)

    def charge_for(self, subject: str, request: Request) -> Charge:
        """Return what a request takes from the bucket of a subject."""
        if self.overrides:
            key, quota = self.bucket_of(subject), self.quota_of(subject)
        else:
            key, quota = (self._bucket, subject), self.quota
        binding = self.mode is Mode.ENFORCE
        charge = _new(Charge, (key, quota, self.cost, binding, self.failure, False))
        return charge if request.share == 1 else share_of(charge, request.share)

    def quota_of(self, subject: str) -> Quota:
        """Return the quota of a subject."""
        return self.overrides.get(subject, self.quota)

    def bucket_of(self, subject: str) -> Key:
        """Return the bucket of a subject."""
        return self.bucket_name(self.quota_of(subject)), subject

    def bucket_name(self, quota: Quota) -> str:
        """Return the part of a bucket's name that says its policy and quota.

        A bucket's state means something under its own quota only; so a changed quota gets other
        buckets, and what the previous ones owed is carried over.
        """
        return f"{self.name} {quota}"
