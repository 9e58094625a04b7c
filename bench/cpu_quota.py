"""A limit of processor time, set as Fly sets that of its machines: by the kernel's scheduler."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

_V1: Final = Path("/sys/fs/cgroup/cpu")
_V2: Final = Path("/sys/fs/cgroup")
# Fly's period, and what each shared CPU may run in it once its burst is used up
# (fly.io/docs/machines/cpu-performance).
PERIOD_MS: Final = 80
BASELINE_MS: Final = 5


class NoQuotaError(Exception):
    """No quota can be set. It needs Linux, and root."""


@contextmanager
def cpu_quota(pid: int, milliseconds: int) -> Iterator[None]:
    """Let a process run for a number of milliseconds in each period, while the context lasts.

    Raises:
        NoQuotaError: the system does not permit it.
    """
    group = (_V1 if _V1.is_dir() else _V2) / f"flygate-bench-{uuid4().hex[:8]}"
    try:
        group.mkdir()
    except OSError as exc:
        raise NoQuotaError(str(exc)) from exc
    try:
        _set(group, milliseconds)
        (group / "cgroup.procs").write_text(str(pid))
        yield
    except OSError as exc:
        raise NoQuotaError(str(exc)) from exc
    finally:
        with suppress(OSError):  # the process has ended
            (group.parent / "cgroup.procs").write_text(str(pid))
        group.rmdir()


def _set(group: Path, milliseconds: int) -> None:
    quota, period = milliseconds * 1_000, PERIOD_MS * 1_000
    if group.parent == _V1:
        (group / "cpu.cfs_period_us").write_text(str(period))
        (group / "cpu.cfs_quota_us").write_text(str(quota))
    else:
        (group / "cpu.max").write_text(f"{quota} {period}")
