"""Charges in Redis: requests become one command, and its reply becomes decisions. Pure."""

import hashlib
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Final, NamedTuple

from flygate_limiter.algorithm import Algorithm
from flygate_limiter.bucket import TOKEN_BUCKET
from flygate_limiter.charge import MOST_PER_REQUEST, Charge, Key
from flygate_limiter.clock import Clock
from flygate_limiter.decision import Decision
from flygate_limiter.fingerprint import Fingerprint
from flygate_limiter.quota import NANOS, Quota

from .dialect import Kind, dialect_of
from .resp import Word, pack

# The longest that one command keeps a Redis from others: about two milliseconds.
MOST_PER_COMMAND: Final = 512

_LAST: Final = 128
_TWO_TO_64: Final = 2**64


class EncodedRequest(NamedTuple):
    """A request as the script reads it: a name and a kind for each charge."""

    names: list[bytes]
    kinds: list[Kind]


class Script:
    """Packs the charges of requests, and reads the replies.

    Args:
        fingerprint: names buckets so that no address or name can be read in Redis.
        clock: for tests; without one Redis's own clock is used, which all machines share.
        algorithm: how the script counts.
    """

    def __init__(
        self,
        fingerprint: Fingerprint,
        clock: Clock | None = None,
        algorithm: Algorithm = TOKEN_BUCKET,
    ) -> None:
        """Put the scripts together."""
        self._dialect = dialect_of(algorithm)
        self._take = lua("clock", self._dialect.word, "take")
        self._set_owed = lua("clock", self._dialect.word, "set_owed")
        self._sha = hashlib.sha1(self._take.encode(), usedforsecurity=False).hexdigest()
        self._prefix = prefix(algorithm)
        self._fingerprint = fingerprint
        self._clock = clock

    def name(self, key: Key) -> bytes:
        """Return the name of a key in Redis."""
        return self._prefix + digits(self._fingerprint(key))

    def encode(self, charges: Sequence[Charge]) -> EncodedRequest:
        """Return what `take` has to know of a request of 1 to `MOST_PER_REQUEST` charges."""
        name, kind = self.name, self._dialect.kind
        return EncodedRequest(
            [name(charge.key) for charge in charges], [kind(each) for each in charges]
        )

    def take(self, requests: Iterable[EncodedRequest], is_known: bool) -> tuple[bytes, int]:
        """Return a packed command for the first requests, and how many of them fit into it.

        Args:
            requests: from `encode`.
            is_known: whether Redis has the script from before.
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
        command = ("EVALSHA", self._sha) if is_known else ("EVAL", self._take)
        numbers = [int(number) for kind in kinds for number in kind]
        packed = pack(*command, len(names), *names, self._now(), bytes(codes), *numbers)
        return packed, fitting

    def decisions(
        self, requests: Sequence[Sequence[Charge]], reply: Sequence[int]
    ) -> list[list[Decision]]:
        """Return the decision on each charge of each request, from `take`'s reply."""
        numbers, decision = iter(reply), self._dialect.decision
        return [
            [decision(charge, next(numbers), next(numbers)) for charge in charges]
            for charges in requests
        ]

    def owe(self, key: Key, quota: Quota, owed_ns: int) -> tuple[Word, ...]:
        """Return the words of the command that sets what a key owes."""
        _, size, pace, _ = self._dialect.kind(Charge(key, quota))
        owing = self._dialect.owing(quota, owed_ns)
        return ("EVAL", self._set_owed, 1, self.name(key), self._now(), size, pace, *owing)

    def _now(self) -> str:
        return moment(self._clock)


def prefix(algorithm: Algorithm) -> bytes:
    """Return what the names of all states of an algorithm begin with."""
    # One hash tag for all: on a Redis Cluster they lie on one node, where one script reaches
    # them. A name for each algorithm: on a live Redis one may follow the other.
    return f"{{flygate}}:{dialect_of(algorithm).word}:".encode()


def digits(fingerprint: int) -> bytes:
    """Return a fingerprint as it stands in a name."""
    return b"%016x" % (fingerprint % _TWO_TO_64)


def moment(clock: Clock | None) -> str:
    """Return now, as the scripts read it; "" if they are to ask Redis."""
    return "" if clock is None else "{} {}".format(*divmod(clock.now(), NANOS))


def lua(*names: str) -> str:
    """Return a script of these files, one after the other."""
    return "\n".join(files(__package__).joinpath(f"{name}.lua").read_text() for name in names)
