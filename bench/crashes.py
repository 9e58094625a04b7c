"""The second part of `make bench-chaos`: whatever is killed, two typed commands mend it."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from random import Random

from bench import page
from tests.e2e import victims
from tests.e2e.crash import Crash, Scene
from tests.e2e.load import Crowd
from tests.e2e.project import Project
from tests.e2e.story import HELD, PLAIN, Content, Story
from tests.e2e.trial import begin

HEAD = (
    *("killed", "times", "no command", "one", "two", "more", "wrong"),
    "requests failed",
)
KINDS = (*PLAIN, *HELD)
UP = ("./flygate", "up", "local", "--quiet")


def report(project: Project, asked: argparse.Namespace) -> list[str]:
    """The table of what was killed, as lines."""
    random = Random(asked.seed)
    with Crowd(project.outputs_of("url")) as load:
        crashes = list(_crashes(project, load, asked, random))
    rows = [_cells(victim, crashes) for victim in dict.fromkeys(c.victim for c in crashes)]
    kinds = Counter(crash.change.kind for crash in crashes)
    reported = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    served = f"{load.served:,} requests were served meanwhile."
    return [f"{len(crashes)} kills: {reported}. {served}", "", page.table(HEAD, rows)]


def _crashes(
    project: Project, load: Crowd, asked: argparse.Namespace, random: Random
) -> Iterator[Crash]:
    wanted = asked.kinds.split(",") if asked.kinds else KINDS
    kinds = tuple(kind for kind in KINDS if kind in wanted)
    kills, of_redis = asked.kills, min(asked.kills, asked.of_redis)
    ordinary = [*victims.PROCESSES, victims.LOCAL_FLY, victims.NEW, victims.OLD]
    ordinary.remove(victims.REDIS)
    random.shuffle(ordinary)
    story = Story(random, UP, kinds)
    if others := [ordinary[n % len(ordinary)] for n in range(kills - of_redis)]:
        yield from _killed(Scene(project, story, load, begin(project, story)), others)
    if of_redis:
        kinds = tuple(kind for kind in PLAIN if kind != "phase")
        last = Story(random, UP, kinds, Content(phase=3, machines=2), is_pinned=story.is_pinned)
        scene = Scene(project, last, load, begin(project, last))
        yield from _killed(scene, [victims.REDIS] * of_redis)


def _killed(scene: Scene, names: list[str]) -> Iterator[Crash]:
    for victim in names:
        crash = None
        while crash is None:
            crash = scene.kill(victim, scene.story.random.random())
        print(crash, flush=True)
        yield crash


def _cells(victim: str, crashes: list[Crash]) -> list[str]:
    ours = [crash for crash in crashes if crash.victim == victim]
    by = Counter(min(len(crash.commands), 3) for crash in ours)
    failed = sum(len(crash.failures) for crash in ours)
    excused = sum(crash.excused for crash in ours)
    note = f" ({excused} times no machine could serve)" if excused else ""
    return [
        victim,
        str(len(ours)),
        *(str(by[number]) for number in range(4)),
        str(sum(bool(crash.wrong) for crash in ours)),
        f"{failed}{note}",
    ]
