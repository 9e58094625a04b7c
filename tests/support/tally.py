"""What a crowd was given, beside what its limit allows."""

from dataclasses import dataclass
from math import floor

from tests.support.crowd import Client, Crowd

SERVED = frozenset({200, 429})


@dataclass(frozen=True, slots=True)
class Limit:
    """Of each client, as the machines enforce it."""

    per_second: float
    burst: int

    def allows(self, client: Client) -> float:
        """The units for the time in which it asked; a machine gives whole ones only."""
        return client.allowance(self.per_second, self.burst)

    def owes(self, client: Client) -> float:
        """The units that it can count on."""
        return client.claim(self.per_second, self.burst)


@dataclass(frozen=True, slots=True)
class Tally:
    """Of a crowd that has asked.

    Attributes:
        least: admitted, of what the limit owes: the worst served client.
        most: admitted, of what the limit allows: the best served one.
        mean: the same, of all.
        lost: the most whole units that a client did not get.
        excess: the most units that a client got too much.
        failed: answers that were neither served nor refused by the limiter.
        p50_ms, p99_ms: how long an answer took.
    """

    clients: int
    requests: int
    least: float
    mean: float
    most: float
    lost: int
    excess: float
    failed: int
    p50_ms: float
    p99_ms: float

    @classmethod
    def of(cls, crowd: Crowd, limit: Limit) -> "Tally":
        """Count."""
        allowed = [limit.allows(one) for one in crowd.clients]
        owed = [limit.owes(one) for one in crowd.clients]
        admitted = [one.admitted for one in crowd.clients]
        shares = [got / may for got, may in zip(admitted, allowed, strict=True)]
        statuses = crowd.statuses()
        times = sorted(taken * 1000 for one in crowd.clients for taken in one.seconds)
        return cls(
            clients=len(shares),
            requests=statuses.total(),
            least=min(got / may for got, may in zip(admitted, owed, strict=True)),
            mean=sum(shares) / len(shares),
            most=max(shares),
            lost=max(0, *(floor(may) - got for got, may in zip(admitted, owed, strict=True))),
            excess=max(got - may for got, may in zip(admitted, allowed, strict=True)),
            failed=sum(number for status, number in statuses.items() if status not in SERVED),
            p50_ms=times[len(times) // 2],
            p99_ms=times[len(times) * 99 // 100],
        )

    def __str__(self) -> str:
        """In a line."""
        return (
            f"{self.clients} clients, {self.requests} requests: admitted {self.least:.3f} to"
            f" {self.most:.3f} of the limit, mean {self.mean:.3f}; at most {self.lost} units lost,"
            f" {self.excess:.2f} too many; {self.failed} failed;"
            f" p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms"
        )
