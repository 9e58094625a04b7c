"""`Source`: where an answer of the limiter came from."""

from enum import StrEnum


class Source(StrEnum):
    """Where decisions came from: a fallback must not be mistaken for the store."""

    MEMORY = "memory"
    DENY_LIST = "deny_list"  # the address is refused whatever it asks for
    REDIS = "redis"
    DENY_CACHE = "deny_cache"  # denied by Redis a moment ago
    FAIR_SHARE = "fair_share"
    FAILED_OPEN = "failed_open"
    FAILED_CLOSED = "failed_closed"
