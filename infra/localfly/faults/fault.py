"""A fault of the API: which requests it hits, how often, and what happens to them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from localfly.errors import InvalidArgumentError

_MACHINES: Final = "/v1/apps/*/machines"
_VERBS: Final = (
    *("start", "stop", "suspend", "restart", "signal", "cordon", "uncordon", "exec"),
    *("wait", "lease", "metadata", "events", "versions", "ps"),
)
# Short names for frequent actions; other requests are named like "METHOD /path/with/*/and/**".
ACTIONS: Final[Mapping[str, str]] = {
    "anything": "* /**",
    "create_app": "POST /v1/apps",
    "list_machines": f"GET {_MACHINES}",
    "create_machine": f"POST {_MACHINES}",
    "get_machine": f"GET {_MACHINES}/*",
    "update_machine": f"POST {_MACHINES}/*",
    "destroy_machine": f"DELETE {_MACHINES}/*",
    **{verb: f"* {_MACHINES}/*/{verb}**" for verb in _VERBS},
    "secrets": "* /v1/apps/*/secrets**",
    "graphql": "POST /graphql",
    "releases": "* /api/v1/releases**",
}


class Kind(StrEnum):
    """What happens to a request."""

    SLOW = "slow"  # it is executed later
    FAIL = "fail"  # it is answered with an error, and not executed
    DROP = "drop"  # its connection ends without an answer, and it is not executed
    LOSE = "lose"  # it is executed, but its connection ends without an answer


@dataclass(slots=True)
class Fault:
    """One fault, until it has hit `count` requests or is removed.

    Args:
        action: one of `ACTIONS`, or a method (`*` for any) and a path in which `*` stands for one
            part and `**` for any rest.
        probability: that a matching request is hit.
        count: the largest number of requests to hit; None: any number.
        seconds: the delay before the fault, of any kind.
        status: of the answer, for `fail`.
        error: its text.
        retry_after: seconds, in a header of the answer, for `fail`; None: no such header.
    """

    action: str
    kind: Kind
    probability: float = 1.0
    count: int | None = None
    seconds: float = 0.0
    status: int = 500
    error: str = "internal: a fault that was asked for"
    retry_after: int | None = None
    id: str = ""
    hits: int = 0
    _pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._pattern = _pattern_of(self.action)

    def fits(self, method: str, path: str) -> bool:
        return self._pattern.fullmatch(f"{method} {path}") is not None

    @property
    def is_spent(self) -> bool:
        return self.count is not None and self.hits >= self.count


def _pattern_of(action: str) -> re.Pattern[str]:
    text = ACTIONS.get(action, action)
    method, space, path = text.partition(" ")
    if not (space and path.startswith("/") and re.fullmatch(r"[A-Z]+|\*", method)):
        raise InvalidArgumentError(
            f"invalid_argument: action must be one of {', '.join(ACTIONS)}, or like "
            f"'POST /v1/apps/*/machines/**', found {action!r}"
        )
    words = re.escape(path).replace(r"\*\*", ".*").replace(r"\*", "[^/]+")
    return re.compile(("[A-Z]+" if method == "*" else method) + " " + words)
