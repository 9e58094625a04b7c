"""How far the newest release of an app has come, read from its machines: a pure function."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

RELEASE_KEY: Final = "flygate_release"
ROLE_KEY: Final = "flygate_role"
COUNT_KEY: Final = "flygate_count"
CANDIDATE, LIVE, STANDBY = "candidate", "live", "standby"


@dataclass(frozen=True, slots=True)
class Member:
    """A machine's part in a rollout."""

    release: str  # v7; empty if Flygate did not make it
    role: str  # candidate | live | standby
    # started, its checks pass, and the proxy sends it requests if it has a service
    is_serving: bool
    holder: str = ""  # of its lease, by the lease's description
    count: int = 0  # how many machines its release has, if its machines say so


@dataclass(frozen=True, slots=True)
class RolloutProgress:
    """The rollout of one app, as the page shows it."""

    release: str
    former: str  # the release that it replaces; empty for the first one
    serving: int  # machines of the release that serve
    wanted: int  # how many there will be
    is_under_way: bool
    holder: str


def progress_of(members: Collection[Member]) -> RolloutProgress | None:
    """Return the progress of the newest release; None without machines of a release.

    It is under way while one of its machines is a candidate. Its machines say how many there will
    be; where they do not, as many as it has or as the former release has live.
    """
    versions = sorted({_number(m.release) for m in members if _number(m.release)}, reverse=True)
    if not versions:
        return None
    newest = _of(members, versions[0])
    former = next((found for v in versions[1:] if (found := _live(members, v))), [])
    return RolloutProgress(
        release=newest[0].release,
        former=former[0].release if former else "",
        serving=sum(member.is_serving for member in newest),
        wanted=_wanted(newest, former),
        is_under_way=any(member.role == CANDIDATE for member in newest),
        holder=next((member.holder for member in members if member.holder), ""),
    )


def _wanted(newest: Sequence[Member], former: Sequence[Member]) -> int:
    reported = max(member.count for member in newest)
    return reported or max(len([m for m in newest if m.role != STANDBY]), len(former))


def _live(members: Collection[Member], version: int) -> Sequence[Member]:
    return [member for member in _of(members, version) if member.role != STANDBY]


def _of(members: Collection[Member], version: int) -> Sequence[Member]:
    return [member for member in members if _number(member.release) == version]


def _number(release: str) -> int:
    digits = release.removeprefix("v")
    return int(digits) if digits.isascii() and digits.isdigit() else 0
