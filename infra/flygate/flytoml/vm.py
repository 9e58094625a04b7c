"""`[[vm]]`: the size of a machine, by a preset and single values."""

from __future__ import annotations

from typing import Any, Final

from flygate.flytoml import size
from flygate.flytoml.schema import Compute

_CPUS: Final = {
    "shared": (256, (1, 2, 4, 6, 8)),
    "performance": (2048, (1, 2, 4, 6, 8, 10, 12, 14, 16)),
}
# Source: fly-go's MachinePresets, 2026-08, without those of GPUs.
PRESETS: Final[dict[str, dict[str, Any]]] = {
    f"{'shared-cpu' if kind == 'shared' else kind}-{cpus}x": {
        "cpu_kind": kind,
        "cpus": cpus,
        "memory_mb": cpus * each,
    }
    for kind, (each, counts) in _CPUS.items()
    for cpus in counts
}
SMALLEST: Final = "shared-cpu-1x"


def guest(vm: Compute, host: str = "") -> dict[str, Any]:
    """Return the machine's size.

    Args:
        host: `host_dedication_id` of the file.

    Raises:
        ValueError: a value is wrong; the text begins with its key.
    """
    preset = vm.size or SMALLEST
    if preset not in PRESETS:
        raise ValueError(f'size "{preset}" is none of Fly\'s: {", ".join(PRESETS)}')
    found = dict(PRESETS[preset])
    if vm.memory:
        found["memory_mb"] = megabytes(vm.memory)
    own = {
        "cpu_kind": vm.cpu_kind,
        "cpus": vm.cpus,
        "memory_mb": vm.memory_mb,
        "max_memory_mb": vm.max_memory_mb,
        "host_dedication_id": vm.host_dedication_id or host,
        "persist_rootfs": vm.persist_rootfs,
        "kernel_args": vm.kernel_args,
    }
    return found | {key: value for key, value in own.items() if value}


def megabytes(text: str) -> int:
    """Read a size of memory: "512", "512mb", "2 GB", "0.5g".

    Raises:
        ValueError: it is none, or less than a megabyte.
    """
    found = size.whole(text, base=1024, unit="m")
    if found is None:
        raise ValueError(f'memory "{text}" is no size; write one as in "512mb" or "1gb"')
    if not found:
        raise ValueError(f'memory "{text}" is less than a megabyte; write one as in "512mb"')
    return found
