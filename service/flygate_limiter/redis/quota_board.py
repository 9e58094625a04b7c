"""The notices of quotas in Redis: commands, and what their replies mean. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from flygate_limiter.clock import Clock
from flygate_limiter.errors import QuotaError
from flygate_limiter.policies.policy import NAME
from flygate_limiter.quota import NANOS, Quota
from flygate_limiter.store.quota_board import QuotaNotice

from .resp import Word
from .script import lua, moment

# With the hash tag of the buckets, and none of their names.
_NAME: Final = b"{flygate}:quotas"


class QuotaBoardCommands:
    """Posts and reads notices. The names of policies are in Redis; nothing is there of clients.

    Args:
        clock: for tests; without one Redis's own clock is used.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        """Put the script together."""
        self._clock = clock
        self._script = lua("clock", "quota_board")

    def post(self, notices: Sequence[QuotaNotice]) -> tuple[Word, ...]:
        """Return the command that posts these notices and reads all."""
        words = (word for each in notices for word in _words(each))
        return "EVAL", self._script, 1, _NAME, moment(self._clock), *words

    def read(self, reply: Sequence[bytes | int]) -> list[QuotaNotice]:
        """Return the notices in the reply to `post`."""
        return list(_read(reply))


def _words(notice: QuotaNotice) -> Iterable[Word]:
    quota = notice.quota
    field = f"{notice.policy} {quota.units} {quota.period_ns} {quota.burst}"
    return field, notice.birth, -(-notice.left_ns // NANOS)


def _read(reply: Sequence[bytes | int]) -> Iterator[QuotaNotice]:
    for place in range(0, len(reply), 3):
        field, birth, left = reply[place : place + 3]
        # Another version may write it otherwise; what is not understood is ignored.
        with suppress(QuotaError, ValueError, TypeError):
            policy, *numbers = bytes(field).decode().split(" ")
            if not NAME.fullmatch(policy):
                continue
            units, period, burst = map(int, numbers)
            quota = Quota(units, period, burst)
            yield QuotaNotice(policy, quota, bytes(birth).decode(), int(left) * NANOS)
