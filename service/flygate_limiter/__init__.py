"""An embeddable rate limiter: GCRA buckets in bounded memory, and what surrounds them.

It imports nothing of the service around it and no web framework, so it can be lifted out.
"""

from .buckets import Buckets
from .clock import Clock, FakeClock, MonotonicClock, SuspendableClock
from .decision import NEVER, Decision
from .errors import (
    AddressError,
    ForeignSnapshotError,
    KeyFunctionError,
    LimiterError,
    PolicyError,
    QuotaError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
)
from .events import Listener
from .fingerprint import Fingerprint, keyed_fingerprint
from .headers import HeaderWriter
from .keys import canonical, client_key
from .limiter import Limiter
from .networks import Networks
from .policies import PolicySet
from .policy import KeyFunction, Mode, Policy, by_client, by_everyone, by_header, by_network
from .policy_file import read_policies
from .problem import Problem, problem_for
from .quota import Quota, parse
from .request import Request
from .route import Route
from .store.base import Charge, Failure, Key, Source, Store, Taken
from .store.breaker import Breaker
from .store.guarded import GuardedStore
from .store.memory import MemoryStore
from .store.snapshot import Portable, Snapshot
from .store.taker import Hitter, Taker
from .store.threadsafe import ThreadSafeMemoryStore
from .store.window import WindowStore
from .subject import subject_of
from .user_key import UserKey
from .verdict import Verdict

__all__ = [
    "NEVER",
    "AddressError",
    "Breaker",
    "Buckets",
    "Charge",
    "Clock",
    "Decision",
    "Failure",
    "FakeClock",
    "Fingerprint",
    "ForeignSnapshotError",
    "GuardedStore",
    "HeaderWriter",
    "Hitter",
    "Key",
    "KeyFunction",
    "KeyFunctionError",
    "Limiter",
    "LimiterError",
    "Listener",
    "MemoryStore",
    "Mode",
    "MonotonicClock",
    "Networks",
    "Policy",
    "PolicyError",
    "PolicySet",
    "Portable",
    "Problem",
    "Quota",
    "QuotaError",
    "Request",
    "Route",
    "Snapshot",
    "Source",
    "Store",
    "StoreBusyError",
    "StoreError",
    "StoreFullError",
    "StoreUnavailableError",
    "SuspendableClock",
    "Taken",
    "Taker",
    "ThreadSafeMemoryStore",
    "UserKey",
    "Verdict",
    "WindowStore",
    "by_client",
    "by_everyone",
    "by_header",
    "by_network",
    "canonical",
    "client_key",
    "keyed_fingerprint",
    "parse",
    "problem_for",
    "read_policies",
    "subject_of",
]
