"""What machines print is shown, and does nothing to the terminal that shows it."""

from __future__ import annotations

import re

import pytest
from flygate.cli.verbs.local.daemon import _print_lines
from flygate.fly.models import ExecResult
from flygate.redaction.redact import Redactor
from flygate.redaction.visible import visible
from flygate.rollout.gates.expectation import Expectation
from flygate.rollout.machine.log_tail import log_tail
from hypothesis import given
from hypothesis import strategies as st
from localfly.logs.app_log import LogLine

EVIL = "\x1b]0;title\x07\x1b[2J\x9b31mred\rover\u202egnp.exe"
WRITTEN = r"\x1b]0;title\x07\x1b[2J\x9b31mred\x0dover\u202egnp.exe"


def test_controls_are_written_out() -> None:
    """Tabs, ends of lines and every other sign stay."""
    assert visible(EVIL) == WRITTEN
    assert visible("naïve\t文字 🙂\n") == "naïve\t文字 🙂\n"


@given(st.text())
def test_no_control_is_left(text: str) -> None:
    """Whatever a machine prints; it may be encoded, too."""
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", visible(text))
    visible(text).encode()


def test_the_local_fly_s_logs_are_shown_so(capsys: pytest.CaptureFixture[str]) -> None:
    """`flygate local logs`."""
    _print_lines([LogLine(1, 1.0, "info", "m1", "iad", EVIL, 0)])

    assert WRITTEN in capsys.readouterr().out


def test_the_answers_of_a_new_machine_are_shown_so() -> None:
    """In the reason for which a release is taken back."""
    expected = Expectation(8080, False, 10, 1.0)
    result = ExecResult(exit_code=1, stderr=EVIL.replace("\r", ""))

    assert WRITTEN.replace(r"\x0d", "") in expected.problem(result)


class Logs:
    """A Fly whose machines printed something evil."""

    async def logs(self, *_: str) -> list[LogLine]:
        return [LogLine(1, 1.0, "info", "m1", "iad", EVIL, 0)]


async def test_the_last_words_of_a_machine_are_shown_so() -> None:
    """Beside the reason for which a release is taken back."""
    assert await log_tail(Logs(), "shop", "m1", Redactor()) == [WRITTEN]  # type: ignore[arg-type]
