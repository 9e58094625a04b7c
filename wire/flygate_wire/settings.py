"""What the service's variables may be, for both sides.

The service reads its environment by this table, and the plan refuses what the service would refuse,
before a machine is made for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final, NamedTuple

from flygate_wire.variables import (
    ADMIN_TOKEN_LENGTH_MIN,
    DEFAULT_BURST,
    DEFAULT_METRICS_PORT,
    DEFAULT_PORT,
    DEFAULT_REQUESTS_PER_MINUTE,
    MEMORY,
    REDIS,
    SLIDING_WINDOW,
    TOKEN_BUCKET,
    Variable,
)

WHOLE: Final = re.compile(r"[0-9]{1,12}")
PORT_MAX: Final = 65_535
MEBI: Final = 1_048_576
ON, OFF = "on", "off"
ENFORCE, SHADOW = "enforce", "shadow"
# The most that a sliding window of a minute counts to; the limiter's own bound, held by a test.
WINDOW_MAX: Final = 244_947
_MINUTE_NS: Final = 60 * 10**9
_YEAR_NS: Final = 366 * 24 * 60 * _MINUTE_NS
# All of IPv4 within IPv6, as no address is ever written.
_MAPPED: Final = ip_network("::ffff:0:0/96")


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number."""

    default: int
    least: int
    most: int

    @property
    def allowed(self) -> str:
        """What a value may be, in words."""
        return f"a whole number from {self.least} to {self.most}"

    def takes(self, text: str) -> bool:
        """Whether the service takes a value."""
        return bool(WHOLE.fullmatch(text)) and self.least <= int(text) <= self.most


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words, of which the first is the default."""

    words: tuple[str, ...]

    @property
    def allowed(self) -> str:
        """What a value may be, in words."""
        return ", ".join(self.words)

    def takes(self, text: str) -> bool:
        """Whether the service takes a value."""
        return text in self.words


@dataclass(frozen=True, slots=True)
class Networks:
    """Networks and addresses, separated by commas."""

    allowed: str = "networks separated by commas, like 10.0.0.0/8,2001:db8::/32"

    def takes(self, text: str) -> bool:
        """Whether the service takes a value."""
        return all(_is_network(one.strip()) for one in text.split(",") if one.strip())


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that no message shows."""

    least: int = 0

    @property
    def allowed(self) -> str:
        """What a value may be, in words."""
        return f"{self.least} characters or more"

    def takes(self, text: str) -> bool:
        """Whether the service takes a value."""
        return len(text) >= self.least


Kind = Whole | Choice | Networks | Secret

PORTS: Final = (0, PORT_MAX)
# All variables but those that are any text.
SCHEMA: Final[Mapping[Variable, Kind]] = {
    Variable.ADMIN_TOKEN: Secret(ADMIN_TOKEN_LENGTH_MIN),
    Variable.DRAIN_MILLISECONDS: Whole(300, 0, 60_000),
    Variable.FLY_VM_MEMORY_MB: Whole(0, 0, 10_000_000),
    Variable.LOGIN_LOCKOUT_MINUTES: Whole(15, 1, 10_080),
    Variable.LOGIN_MAX_ATTEMPTS: Whole(5, 1, 1_000),
    Variable.LOGIN_WINDOW_MINUTES: Whole(15, 1, 1_440),
    Variable.METRICS_PORT: Whole(DEFAULT_METRICS_PORT, *PORTS),
    Variable.PORT: Whole(DEFAULT_PORT, *PORTS),
    Variable.RATE_LIMIT_AFFINITY: Choice((OFF, ON)),
    Variable.RATE_LIMIT_ALGORITHM: Choice((TOKEN_BUCKET, SLIDING_WINDOW)),
    Variable.RATE_LIMIT_BUDGET_MILLISECONDS: Whole(50, 1, 10_000),
    Variable.RATE_LIMIT_BURST: Whole(DEFAULT_BURST, 1, 10_000_000),
    Variable.RATE_LIMIT_FAILURE: Choice(("fair_share", "open", "closed")),
    Variable.RATE_LIMIT_MACHINES: Whole(1, 1, 10_000),
    Variable.RATE_LIMIT_MAX_KEYS: Whole(1_000_000, 1_000, 100_000_000),
    Variable.RATE_LIMIT_MODE: Choice((ENFORCE, SHADOW, OFF)),
    Variable.RATE_LIMIT_PREFLIGHTS: Choice(("free", "charged")),
    Variable.RATE_LIMIT_RPM: Whole(DEFAULT_REQUESTS_PER_MINUTE, 1, 60_000_000),
    Variable.RATE_LIMIT_STORAGE: Choice((MEMORY, REDIS)),
    Variable.SERVICE_ALLOW_REPLAY: Choice(("0", "1")),
    Variable.SERVICE_BODY_BYTES_PER_SECOND: Whole(1_024, 1, 1_024 * MEBI),
    Variable.SERVICE_BODY_SECONDS: Whole(30, 1, 3_600),
    # As many places as there are, each with one, must fit into the memory. And so much is what Fly
    # Proxy can bring to another machine.
    Variable.SERVICE_MAX_BODY_BYTES: Whole(1_000_000, 0, 4_096 * MEBI),
    Variable.SERVICE_MAX_MESSAGE_BYTES: Whole(MEBI, 1, 1_024 * MEBI),
    # More than twice the largest hard limit of a phase.
    Variable.SERVICE_MAX_REQUESTS: Whole(500, 1, 100_000),
    # A quarter of the hard limit of the first phases. See `problems` for the most.
    Variable.SERVICE_MAX_REQUESTS_PER_CLIENT: Whole(25, 1, 100_000),
    Variable.SERVICE_PROXY_PEERS: Networks(),
    # Fly kills a machine 5 seconds after SIGTERM, unless fly.toml says otherwise.
    Variable.SHUTDOWN_SECONDS: Whole(4, 1, 300),
    Variable.TRUSTED_PROXIES: Networks(),
}


class Problem(NamedTuple):
    """A value that the service refuses.

    Attributes:
        found: the value; not to be shown if it is a secret.
        allowed: what it may be.
    """

    variable: Variable
    found: str
    allowed: str


def problems(values: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what the service refuses of an environment, whose other variables it has by default.

    What only a machine knows is left out: its memory, and whether it is on Fly. So are files, users
    and the Redis's URL.
    """
    found = dict(_given(values))
    wrong = {name for name, text in found.items() if not SCHEMA[name].takes(text)}
    for name in sorted(wrong):
        yield Problem(name, found[name], SCHEMA[name].allowed)
    right = {name: text for name, text in found.items() if name not in wrong}
    yield from _contradictions(right, wrong)


def text_of(values: Mapping[str, str], variable: Variable) -> str | None:
    """Return a value without blanks around it; None if it is not set, or empty.

    Shells and templates write a variable that is not set as an empty one.
    """
    return values.get(variable.value, "").strip() or None


def _given(values: Mapping[str, str]) -> Iterator[tuple[Variable, str]]:
    for variable in SCHEMA:
        text = text_of(values, variable)
        if text is not None:
            yield variable, text


def _contradictions(values: Mapping[Variable, str], wrong: set[Variable]) -> Iterator[Problem]:
    """Yield what is wrong beside another value."""
    most = _number(values, Variable.SERVICE_MAX_REQUESTS)
    each = values.get(Variable.SERVICE_MAX_REQUESTS_PER_CLIENT)
    if each is not None and int(each) > most and Variable.SERVICE_MAX_REQUESTS not in wrong:
        allowed = f"{Whole(0, 1, most).allowed}, as SERVICE_MAX_REQUESTS is {most}"
        yield Problem(Variable.SERVICE_MAX_REQUESTS_PER_CLIENT, each, allowed)
    is_window = values.get(Variable.RATE_LIMIT_ALGORITHM) == SLIDING_WINDOW
    if is_window and values.get(Variable.RATE_LIMIT_AFFINITY) == ON:
        allowed = "off, since sliding windows can't be handed from one machine to another"
        yield Problem(Variable.RATE_LIMIT_AFFINITY, ON, allowed)
    if {Variable.RATE_LIMIT_RPM, Variable.RATE_LIMIT_BURST} & wrong:
        return
    rpm = _number(values, Variable.RATE_LIMIT_RPM)
    burst = _number(values, Variable.RATE_LIMIT_BURST)
    if is_window and rpm > WINDOW_MAX:
        yield Problem(Variable.RATE_LIMIT_RPM, str(rpm), f"{WINDOW_MAX} at most")
    if not is_window and -(-_MINUTE_NS // rpm) * burst > _YEAR_NS:
        allowed = f"a burst that {rpm} requests a minute refill within a year"
        yield Problem(Variable.RATE_LIMIT_BURST, str(burst), allowed)


def _number(values: Mapping[Variable, str], variable: Variable) -> int:
    kind = SCHEMA[variable]
    assert isinstance(kind, Whole)  # noqa: S101  by the table
    return int(values.get(variable, kind.default))


def _is_network(text: str) -> bool:
    try:
        return ip_network(text) != _MAPPED
    except ValueError:
        return False
