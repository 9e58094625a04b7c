"""How a daemon differs from the usual one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """What `flygate local up` can be told.

    Args:
        tokens: only these are accepted, and those given out by the API; none: any is.
        rate_limits: refuse what Fly would refuse as too often.
    """

    tokens: tuple[str, ...] = ()
    rate_limits: bool = False
