"""The user's own programs in `hooks/`, which hear of a rollout while it goes on.

Only `before-rollout` is waited for, as it may refuse. All others run one after the other on a
thread of their own: a slow hook never holds a rollout up.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from flygate.record.journal import Event, Kind
from flygate.redaction.redact import Redactor, shown
from flygate.rollout.errors import HookRefusedError
from flygate.system.environment import for_others

BEFORE: Final = "before-rollout"
AFTER: Mapping[Kind, str] = {
    "verdict": "after-step",
    "restored": "on-abort",
    "restore-failed": "on-abort",
    "finished": "after-release",
}
SECONDS_MAX: Final = 60.0
# Of what a hook printed: the end, and of its last line the beginning.
OUTPUT_MAX: Final = 20_000
LINE_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rollout is about, as every hook gets it."""

    app: str
    release: str
    former: str
    url: str
    by: str
    reason: str = ""


class Hooks:
    """Runs hooks, and is a listener of the journal.

    Args:
        folder: where the executables are; none may be there, nor the folder.
        subject: what the rollout is about.
        redact: for all that leaves the process, and for what a failing hook prints.
        named: the variables of Flygate that hooks get; they get no others.
        notify: also called with every event, on the same thread: see `webhook.py`.
        warn: called with a line on each hook that failed.
    """

    def __init__(
        self,
        folder: Path,
        subject: Subject,
        redact: Redactor,
        notify: Callable[[Subject, Event], None] | None = None,
        warn: Callable[[str], None] = lambda text: None,
        *,
        named: Iterable[str] = (),
    ) -> None:
        self._folder = folder
        # What an operator typed as a reason may be anything.
        self._subject = Subject(**redact.data(asdict(subject)))
        self._redact = redact
        self._named = tuple(named)
        self._notify = notify
        self._warn = warn
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, name="hooks", daemon=True)

    async def before_rollout(self) -> None:
        """Run `hooks/before-rollout`, which may refuse the rollout.

        Raises:
            HookRefusedError: the program ended with something else than 0, or not in time.
        """
        if problem := await asyncio.to_thread(self._run, BEFORE, None):
            raise HookRefusedError(
                f"hooks/{BEFORE} refuses {self._subject.release}: {problem}\n"
                "Nothing was changed. Mend what it names, or remove the hook."
            )

    def __call__(self, event: Event) -> None:
        """Note an event; it is passed on when those before it were."""
        if self._is_closed:
            return
        if not self._thread.is_alive():
            self._thread.start()
        self._events.put(event)

    def close(self, seconds: float = SECONDS_MAX) -> None:
        """Wait until all events were passed on; a hook that hangs is left behind.

        Later events, such as a warning of a failed hook, are not passed on.
        """
        self._is_closed = True
        if self._thread.is_alive():
            self._events.put(None)
            self._thread.join(seconds)

    def _work(self) -> None:
        while (event := self._events.get()) is not None:
            if self._notify:
                self._notify(self._subject, event)
            hook = AFTER.get(event.kind)
            if hook and (problem := self._run(hook, event)):
                self._warn(f"hooks/{hook} failed: {problem}")

    def _run(self, hook: str, event: Event | None) -> str:
        """Run a hook if there is one; return what went wrong, or an empty string."""
        path = self._folder / hook
        if not path.exists():
            return ""
        if not os.access(path, os.X_OK):
            return f"it is not executable (chmod +x {self._folder.name}/{hook})"
        try:
            done = subprocess.run(
                [path],
                input=json.dumps(self._input(hook, event)),
                env=for_others(os.environ, self._named),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=SECONDS_MAX,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"it did not end within {SECONDS_MAX:g} s"
        except OSError as exc:
            return f"it cannot be run: {exc.strerror}"
        if done.returncode == 0:
            return ""
        # Before it is cut: a line may be the rest of a longer secret.
        output = self._redact(_end(done.stdout))
        last = output.strip().splitlines()[-1:] or [""]
        return f"exit code {done.returncode} {shown(last[0], LINE_MAX)}".strip()

    def _input(self, hook: str, event: Event | None) -> dict[str, Any]:
        about = {"hook": hook, **asdict(self._subject)}
        return {**about, "event": self._redact.data(asdict(event))} if event else about


def _end(output: str) -> str:
    """Return the last lines, whole ones only."""
    if len(output) <= OUTPUT_MAX:
        return output
    return output[-OUTPUT_MAX:].partition("\n")[2]
