"""What is logged of a command, to the byte at which the plugin stops to read."""

import threading

from scripts.toolchain.standins.log_reader import LogReader
from scripts.toolchain.standins.waiting import wait_until

FULL = 65536


def logged(*chunks: bytes) -> list[str]:
    """The lines of what is written and read to its end."""
    lines: list[str] = []
    reader = LogReader(lines.append)
    for chunk in chunks:
        reader.write(chunk)
    reader.end()
    return lines


def test_lines_are_found_across_chunks() -> None:
    """From any writer; a carriage return at the end is dropped, and the last needs no end."""
    assert logged(b"a", b"b\r\nc\n\n", b"d") == ["ab", "c", "", "d"]


def test_bytes_that_are_no_text_are_replaced() -> None:
    """A line is shown whatever is in it."""
    assert logged(b"a\xffb\n") == ["a\ufffdb"]


def test_the_longest_line_and_its_end_fill_the_buffer() -> None:
    """One byte less than 64 KiB is logged, in one chunk or many."""
    line = b"x" * (FULL - 1)

    assert logged(b"a\n" + line + b"\n" + line + b"\nb\n") == [
        "a",
        line.decode(),
        line.decode(),
        "b",
    ]
    assert logged(line) == [line.decode()]


def test_a_line_that_fills_the_buffer_is_lost() -> None:
    """It does no harm if nothing follows."""
    assert logged(b"a\n", b"x" * FULL) == ["a"]


def test_who_writes_after_it_waits_until_released() -> None:
    """Both streams do; then nothing is logged any more."""
    lines: list[str] = []
    reader = LogReader(lines.append)
    reader.write(b"x" * FULL)
    begun: list[int] = []

    def write() -> None:
        begun.append(1)
        reader.write(b"\nmore\n")

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    wait_until(lambda: len(begun) == 2)
    writers[0].join(0.1)
    assert all(writer.is_alive() for writer in writers)

    reader.release()
    for writer in writers:
        writer.join(10)

    reader.write(b"late\n")
    reader.end()
    assert lines == []
