"""What is said to Redis: requests become one command, and its reply becomes decisions. Pure."""

import hashlib
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Final, NamedTuple

from flygate_limiter import window
from flygate_limiter.clock import Clock
from flygate_limiter.decision import NEVER, Decision, WindowDecision
from flygate_limiter.fingerprint import Fingerprint
from flygate_limiter.quota import NANOS, Quota

from .base import MOST_PER_REQUEST, Charge, Key
from .link import Word, pack

# The longest that one command keeps a Redis from others: about two milliseconds.
MOST_PER_COMMAND: Final = 512

_LAST: Final = 128
# Up to here a Lua number is exact: in nanoseconds 104 days.
_EXACT: Final = 2**53
# What window.lua tells in one number: this times the units in use, plus seconds.
_USED: Final = 2**26
_TWO_TO_64: Final = 2**64

# Makes a named tuple in half the time that calling its class takes.
_new: Final = tuple.__new__

# Of charges that differ by nothing but the key: cost, size and pace in the script's units, and
# whether it binds (1), follows what binds (2), or neither (0).
Kind = tuple[int, int, int, int]


class Spoken(NamedTuple):
    """A request as the script is told of it: a name and a kind for each charge."""

    names: list[bytes]
    kinds: list[Kind]


class BucketScript:
    """Speaks of buckets.

    Args:
        fingerprint: names buckets so that no address or name can be read in Redis.
        clock: for tests; without one Redis's own clock is used, which all machines share.
    """

    algorithm: str = "bucket"

    def __init__(self, fingerprint: Fingerprint, clock: Clock | None = None) -> None:
        """Put the scripts together."""
        self._charges = lua("now", self.algorithm, "charges")
        self._owe = lua("now", self.algorithm, "owe")
        self._sha = hashlib.sha1(self._charges.encode(), usedforsecurity=False).hexdigest()
        self._prefix = prefix(self.algorithm)
        self._fingerprint = fingerprint
        self._clock = clock

    def name(self, key: Key) -> bytes:
        """What a key is called in Redis."""
        return self._prefix + digits(self._fingerprint(key))

    def speak(self, charges: Sequence[Charge]) -> Spoken:
        """What `take` has to know of a request of 1 to `MOST_PER_REQUEST` charges."""
        name, kind = self.name, self._kind
        return Spoken([name(charge.key) for charge in charges], [kind(each) for each in charges])

    def take(self, requests: Iterable[Spoken], is_known: bool) -> tuple[bytes, int]:
        """A packed command for as many of the requests, from the first on, as fit into one.

        Args:
            requests: from `speak`.
            is_known: whether Redis has been given the script before.
        """
        names: list[bytes] = []
        codes = bytearray()
        kinds: dict[Kind, int] = {}
        fitting = 0
        for request in requests:
            more = len(request.names)
            if len(names) + more > MOST_PER_COMMAND or len(kinds) + more > MOST_PER_REQUEST:
                break
            names += request.names
            codes += bytes([kinds.setdefault(kind, len(kinds)) for kind in request.kinds])
            codes[-1] |= _LAST
            fitting += 1
        command = ("EVALSHA", self._sha) if is_known else ("EVAL", self._charges)
        numbers = [int(number) for kind in kinds for number in kind]
        packed = pack(*command, len(names), *names, self._now(), bytes(codes), *numbers)
        return packed, fitting

    def decisions(
        self, requests: Sequence[Sequence[Charge]], reply: Sequence[int]
    ) -> list[list[Decision]]:
        """What `take`'s reply says of each charge of each request."""
        numbers = iter(reply)
        return [
            [self._decision(charge, next(numbers), next(numbers)) for charge in charges]
            for charges in requests
        ]

    def owe(self, key: Key, quota: Quota, owed_ns: int) -> tuple[Word, ...]:
        """The words of the command that makes a key owe so much."""
        _, size, pace, _ = self._kind(Charge(key, quota))
        owing = self._owing(quota, owed_ns)
        return ("EVAL", self._owe, 1, self.name(key), self._now(), size, pace, *owing)

    def _now(self) -> str:
        return moment(self._clock)

    def _kind(self, charge: Charge) -> Kind:
        quota = charge.quota
        cost = _within(charge.cost, quota.burst, _EXACT // quota.emission_ns)
        return cost, quota.burst, quota.emission_ns, _part(charge)

    def _decision(self, charge: Charge, wait: int, owed: int) -> Decision:
        if wait == 0:
            return _new(Decision, (True, 0, owed, charge.quota))
        never = charge.cost > charge.quota.burst
        return _new(Decision, (False, NEVER if never else wait, owed, charge.quota))

    def _owing(self, _: Quota, owed_ns: int) -> tuple[int, int]:
        return owed_ns, 0


class WindowScript(BucketScript):
    """Speaks of sliding windows; see `window.check` for which quotas it can count."""

    algorithm = "window"

    def _kind(self, charge: Charge) -> Kind:
        quota = charge.quota
        cost = _within(charge.cost, quota.units, quota.units)
        return cost, quota.units, quota.period_ns // NANOS, _part(charge)

    def _decision(self, charge: Charge, wait: int, used: int) -> Decision:
        quota = window.announced(charge.quota)
        used, seconds = divmod(used, _USED)
        owed = min(used, quota.units) * quota.emission_ns
        if wait > 0 and charge.cost > quota.units:
            wait = NEVER
        return WindowDecision.of(Decision(wait == 0, wait, owed, quota), seconds * NANOS)

    def _owing(self, quota: Quota, owed_ns: int) -> tuple[int, int]:
        units = -(-owed_ns // quota.emission_ns)
        if units <= quota.units:
            return units, 0
        return -1, owed_ns - quota.capacity_ns + quota.emission_ns


def _part(charge: Charge) -> int:
    return 2 if charge.along else int(charge.binding)


def _within(cost: int, most: int, most_back: int) -> int:
    """A cost that decides the same, and that Lua can count with."""
    return max(min(cost, most + 1), -most_back)


def prefix(algorithm: str) -> bytes:
    """What the names of all states of an algorithm begin with."""
    # One hash tag for all: on a Redis Cluster they lie on one node, where one script reaches
    # them. A name for each algorithm: on a live Redis one may follow the other.
    return f"{{flygate}}:{algorithm}:".encode()


def digits(fingerprint: int) -> bytes:
    """A fingerprint as it stands in a name."""
    return b"%016x" % (fingerprint % _TWO_TO_64)


def moment(clock: Clock | None) -> str:
    """Now, as the scripts are told it; nothing if they are to ask Redis."""
    return "" if clock is None else "{} {}".format(*divmod(clock.now(), NANOS))


def lua(*names: str) -> str:
    """A script of these files, one after the other."""
    return "\n".join(files(__package__).joinpath(f"{name}.lua").read_text() for name in names)
