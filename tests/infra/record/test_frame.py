"""The frame of a result: what is read is what was sent, or it is said what is wrong."""

from __future__ import annotations

import pytest
from flygate.record.frame import LINE_MAX, FrameError, is_framed, unwrap, wrap
from hypothesis import given
from hypothesis import strategies as st

ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=5 * LINE_MAX)
NOISE = st.text(max_size=200).map(lambda text: text.replace("flygate-result", ""))


@given(ASCII)
def test_a_result_comes_back_in_lines_that_the_plugin_reads(result: str) -> None:
    """64 KiB is the plugin's end; ours is far below."""
    wrapped = wrap(result)

    assert unwrap(wrapped) == result
    assert max(map(len, wrapped.split("\n"))) <= LINE_MAX
    assert unwrap(wrapped.replace("\n", "\r\n")) == result


@given(ASCII, NOISE, NOISE)
def test_what_stands_around_it_is_passed_over(result: str, before: str, after: str) -> None:
    """A line of a library, a warning at the end: neither is the result."""
    assert unwrap(f"{before}\n{wrap(result)}\n{after}") == result


@given(ASCII.filter(bool), st.data())
def test_damage_is_noticed(result: str, data: st.DataObject) -> None:
    """Cut anywhere behind the head, or one character changed."""
    wrapped = wrap(result)
    begin = wrapped.index("\n") + 1
    at = data.draw(st.integers(begin, len(wrapped) - 1))
    changed = wrapped[:at] + ("x" if wrapped[at] != "x" else "y") + wrapped[at + 1 :]

    for damaged in (wrapped[:at], changed):
        with pytest.raises(FrameError) as error:
            unwrap(damaged)
        assert result not in str(error.value) or len(result) < 20


def test_what_has_no_frame_differs_from_what_has_one() -> None:
    """Flygate 0.1 printed none."""
    assert not is_framed('{"app": "shop"}')
    assert is_framed(wrap("{}"))
    with pytest.raises(ValueError, match="one line of ASCII"):
        wrap("two\nlines")
