"""Posts what became of a rollout to a chat: `{"text": …}`, which Slack and others take.

The address is a secret, as anyone who has it can post. It comes from the environment of the process
that runs Pulumi, and is in no configuration, state or error.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import httpx
import stamina

from flygate.record.journal import Event, Kind
from flygate.rollout.hooks.hooks import Subject

VARIABLE: Final = "FLYGATE_WEBHOOK"
SECONDS_MAX: Final = 5.0
_WORDS: Mapping[Kind, str] = {
    "started": "▶ {app}: {release} begins, by {by}{why}",
    "finished": "✓ {app}: {release} is released ({seconds:.0f} s)",
    "restored": "↩ {app}: {release} was taken back; {text}",
    "restore-failed": "✗ {app}: {release} failed, and so did the way back: {text}",
}


class Webhook:
    """Posts to one address.

    Attributes:
        failed: how many messages were not answered with a success.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.failed = 0

    @classmethod
    def from_env(cls, environment: Mapping[str, str] = os.environ) -> Webhook | None:
        """Return the webhook that the environment names; None if it names none."""
        url = environment.get(VARIABLE)
        return cls(url) if url else None

    def __call__(self, subject: Subject, event: Event) -> None:
        """Post an event of a kind that a chat is interested in; never raise."""
        if event.kind not in _WORDS:
            return
        why = f": {subject.reason}" if subject.reason else ""
        text = _WORDS[event.kind].format(
            app=subject.app,
            release=subject.release,
            by=subject.by,
            why=why,
            seconds=event.seconds,
            text=event.text.partition("\n")[0],
        )
        try:
            _post(self._url, text)
        except (httpx.HTTPError, httpx.InvalidURL):
            self.failed += 1


@stamina.retry(on=httpx.HTTPError, attempts=2, timeout=2 * SECONDS_MAX)
def _post(url: str, text: str) -> None:
    httpx.post(url, json={"text": text}, timeout=SECONDS_MAX).raise_for_status()
