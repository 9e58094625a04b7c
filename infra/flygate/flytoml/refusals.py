"""Keys that flyctl honours and Flygate does not: refused by name, with reason and remedy.

A refused key changes a deployment; one without effect on it (`console_command`, which
`fly console` reads) is not in this list.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from flygate.flytoml.lines import Path
from flygate.flytoml.table import Table

_CONTAINERS: Final = (
    "Flygate runs one image in a machine, and several containers in none. Put what belongs "
    "together into one image, and remove it."
)
_TEST_MACHINES: Final = (
    "Flygate starts no test machines: each new machine proves itself before it gets requests "
    "(smoke and checks, docs/rollout.md). Write the test as a program in hooks/, and remove it."
)
_GPUS: Final = "no phase has GPUs. Remove it."

REFUSED: Final[dict[str, str]] = {
    "deploy.seed_command": (
        "Flygate runs no seed commands. Run it yourself once the app is there, and remove it."
    ),
    "statics": (
        "Fly's proxy would answer these paths itself, past the service and its limits, and the "
        "local Fly can't show it. Let the app serve them, and remove it."
    ),
    "machine_checks": _TEST_MACHINES,
    "http_service.machine_checks": _TEST_MACHINES,
    "services.machine_checks": _TEST_MACHINES,
    "deploy.release_command_vm.processes": (
        "the release command runs in a machine of its own, of no process group. Remove it."
    ),
    "deploy.release_command_vm.gpus": _GPUS,
    "deploy.release_command_vm.gpu_kind": _GPUS,
    "machine_config": _CONTAINERS,
    "container": _CONTAINERS,
    "experimental.machine_config": _CONTAINERS,
    "build.compose": _CONTAINERS,
    "experimental.enable_consul": (
        "Flygate asks for no Consul cluster. `fly consul attach` does, once; then remove it."
    ),
    "experimental.enable_etcd": "Fly has no etcd any more. Remove it.",
    "experimental.lazy_load_images": (
        "it is said to Fly's builder, which Flygate does not ask. Remove it."
    ),
    "experimental.attached": (
        "Flygate exports no secrets of attached apps. Set them with `pulumi config set --secret "
        "--path secrets.NAME`, and remove it."
    ),
    "vm.gpus": _GPUS,
    "vm.gpu_kind": _GPUS,
}
# Keys that Flygate always honours: false is refused.
ALWAYS_SO: Final[dict[str, str]] = {
    "experimental.auto_rollback": (
        "a release that fails is always taken back, or nothing is proved of what serves. Remove "
        "it, or write true."
    ),
}


def refused(file: Table) -> Iterator[tuple[Path, str]]:
    """Yield each refused key of a file, with reason and remedy."""
    for path, name, value in _walk(file, (), ""):
        if name in REFUSED and value not in (False, 0, "", [], {}):
            yield path, REFUSED[name]
        elif name in ALWAYS_SO and value is False:
            yield path, ALWAYS_SO[name]


def _walk(value: Any, path: Path, name: str) -> Iterator[tuple[Path, str, Any]]:
    """Yield every key with its name in the schema: without indexes, in lower case."""
    if isinstance(value, Table):
        for key, inner in value.items():
            inner_name = f"{name}.{key.casefold()}" if name else key.casefold()
            yield (*path, key), inner_name, inner
            if inner_name not in REFUSED:
                yield from _walk(inner, (*path, key), inner_name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, (*path, index), name)
