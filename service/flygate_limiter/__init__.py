"""An embeddable rate limiter: buckets in bounded memory or in a Redis, and policies for requests.

It imports the standard library alone, and hiredis where a store in Redis is made; no web framework
and nothing of the service around it.
"""

from .algorithm import Algorithm, Hitter, Taker
from .bucket import TOKEN_BUCKET
from .charge import Charge, Failure, Key
from .client_key import canonical, client_key
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
from .keyed_buckets import Buckets
from .limiter import Limiter
from .networks import Networks
from .policies.key_function import (
    KeyFunction,
    UserKeyFunction,
    by_client,
    by_everyone,
    by_header,
    by_network,
)
from .policies.policy import Mode, Policy
from .policies.policy_file import read_policies
from .policies.policy_set import PolicySet
from .policies.route import Route
from .policies.subject import subject_of
from .problem import Problem, problem_for
from .quota import Quota, parse
from .request import Request
from .source import Source
from .store.breaker import Breaker
from .store.guarded import GuardedStore
from .store.memory import MemoryStore
from .store.snapshot import Portable, Snapshot
from .store.store import InstantStore, Store, StoreHealth, Taken
from .store.threadsafe import ThreadSafeMemoryStore
from .verdict import Verdict
from .window import SLIDING_WINDOW

__all__ = [
    "NEVER",
    "SLIDING_WINDOW",
    "TOKEN_BUCKET",
    "AddressError",
    "Algorithm",
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
    "InstantStore",
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
    "StoreHealth",
    "StoreUnavailableError",
    "SuspendableClock",
    "Taken",
    "Taker",
    "ThreadSafeMemoryStore",
    "UserKeyFunction",
    "Verdict",
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
