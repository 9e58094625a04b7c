"""How buckets get into a Redis and out of it: commands, and what their replies mean. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from flygate_limiter.bucket import TOKEN_BUCKET
from flygate_limiter.clock import Clock
from flygate_limiter.fingerprint import Fingerprint
from flygate_limiter.quota import NANOS
from flygate_limiter.store.snapshot import Snapshot

from .dialect import dialect_of
from .resp import Word
from .script import digits, lua, moment, prefix

# Each keeps a Redis from others for a millisecond or two.
_MOST_PER_COMMAND: Final = 512
# Windows can't move.
_ALGORITHM: Final = TOKEN_BUCKET
_SIGN: Final = 1 << 63


class TransferCommands:
    """Reads and writes all buckets at once, by their fingerprints.

    Args:
        fingerprint: names buckets.
        clock: for tests; without one Redis's own clock is used.
    """

    def __init__(self, fingerprint: Fingerprint, clock: Clock | None = None) -> None:
        """Put the script together."""
        self._fingerprint = fingerprint
        self._clock = clock
        self._prefix = prefix(_ALGORITHM)
        self._restore = lua("clock", dialect_of(_ALGORITHM).word, "restore")

    def find(self) -> tuple[Word, ...]:
        """Return the command that finds, on a cluster, the node that has the buckets."""
        return "EXISTS", self._name(Snapshot.by(self._fingerprint).seed_probe)

    def scan(self, cursor: int) -> tuple[Word, ...]:
        """Return the command that answers the next cursor, 0 at the end, and some names."""
        return "SCAN", cursor, "MATCH", self._prefix + b"*", "COUNT", _MOST_PER_COMMAND

    def snapshot(
        self, names: Sequence[bytes], tats: Sequence[bytes | None], time: Sequence[bytes]
    ) -> Snapshot:
        """Return what the buckets of these names owe.

        Args:
            names: as `scan` found them.
            tats: what they hold.
            time: the reply to TIME.
        """
        now = self._clock.now() if self._clock else int(time[0]) * NANOS + int(time[1]) * 1_000
        found = ((name, int(tat) - now) for name, tat in zip(names, tats, strict=True) if tat)
        owed = ((self._number(name), owed) for name, owed in found if owed > 0)
        return Snapshot.by(self._fingerprint, owed)

    def restore(self, snapshot: Snapshot) -> Iterator[tuple[Word, ...]]:
        """Return the commands that restore a snapshot; at least one, which writes.

        Raises:
            ForeignSnapshotError: it was made with another seed.
        """
        snapshot.check(self._fingerprint)
        # A bucket that owes nearly nothing: what cannot be written anywhere is to fail.
        owed = snapshot.owed or ((snapshot.seed_probe, 1),)
        for start in range(0, len(owed), _MOST_PER_COMMAND):
            part = owed[start : start + _MOST_PER_COMMAND]
            names = [self._name(fingerprint) for fingerprint, _ in part]
            now = moment(self._clock)
            yield "EVAL", self._restore, len(part), *names, now, *(owed for _, owed in part)

    def _name(self, fingerprint: int) -> bytes:
        return self._prefix + digits(fingerprint)

    def _number(self, name: bytes) -> int:
        number = int(name[len(self._prefix) :], 16)
        return number - 2 * _SIGN if number >= _SIGN else number
