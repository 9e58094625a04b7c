"""What machines tell each other in Redis of the quotas that buckets were filled by. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from flygate_limiter.announced import Announced
from flygate_limiter.clock import Clock
from flygate_limiter.errors import QuotaError
from flygate_limiter.policy import NAME
from flygate_limiter.quota import NANOS, Quota

from .link import Word
from .script import lua, moment

# With the hash tag of the buckets, and none of their names.
_NAME: Final = b"{flygate}:quotas"


class QuotaScript:
    """Speaks of the quotas of policies. Their names are in Redis; nothing is there of clients.

    Args:
        clock: for tests; without one Redis's own clock is used.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        """Put the script together."""
        self._clock = clock
        self._script = lua("now", "quotas")

    def post(self, told: Sequence[Announced]) -> tuple[Word, ...]:
        """The command that tells of some and gives all."""
        words = (word for each in told for word in _words(each))
        return "EVAL", self._script, 1, _NAME, moment(self._clock), *words

    def read(self, reply: Sequence[bytes | int]) -> list[Announced]:
        """What the reply to `post` says."""
        return list(_read(reply))


def _words(told: Announced) -> Iterable[Word]:
    quota = told.quota
    field = f"{told.policy} {quota.units} {quota.period_ns} {quota.burst}"
    return field, told.birth, -(-told.left_ns // NANOS)


def _read(reply: Sequence[bytes | int]) -> Iterator[Announced]:
    for place in range(0, len(reply), 3):
        field, birth, left = reply[place : place + 3]
        # Another version may say it otherwise; what is not understood is not known.
        with suppress(QuotaError, ValueError, TypeError):
            policy, *numbers = bytes(field).decode().split(" ")
            if not NAME.fullmatch(policy):
                continue
            units, period, burst = map(int, numbers)
            quota = Quota(units, period, burst)
            yield Announced(policy, quota, bytes(birth).decode(), int(left) * NANOS)
