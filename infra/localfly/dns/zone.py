"""What each name under `.internal` stands for (docs/fly-api.md 6.2): a function of the machines."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from localfly.machines.machine import Machine
from localfly.network.geography import round_trip_ms
from localfly.network.regions import REGIONS

_CODES: Final = frozenset(region.code for region in REGIONS)
_TOP: Final = re.compile(r"top(\d+)")
_STRING_BYTES: Final = 255
_API_ADDRESS: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of machines."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A TXT record's value."""

    value: str

    def quoted(self) -> str:
        """Return the value in strings of at most 255 bytes, which a reader joins again."""
        pieces = [
            self.value[start : start + _STRING_BYTES]
            for start in range(0, len(self.value), _STRING_BYTES)
        ]
        return " ".join(f'"{piece}"' for piece in pieces)


class Zone:
    """The names at one moment, for a client in the region `here`.

    Only started machines are in the answers, healthy or not, as on Fly; with `all.` in front of a
    text's name, the others are as well.
    """

    def __init__(self, machines: Iterable[Machine], apps: Collection[str], here: str) -> None:
        registered = [m for m in machines if not _is_hidden(m)]
        self._all = sorted(registered, key=lambda machine: machine.id)
        self._apps = apps
        self._here = here

    def find(self, labels: Sequence[str]) -> Addresses | Text | None:
        """Look a name up (its labels left of `internal`); return None if there is no such name."""
        if labels[0] == "all" and labels[1:]:
            return self._text(labels[1:], self._all)
        started = [machine for machine in self._all if machine.state == "started"]
        text = self._text(labels, started)
        if text is not None:
            return text
        if labels == ["_api"]:
            return Addresses((_API_ADDRESS,))
        if labels[-1] not in self._apps:
            return None
        of_app = [machine for machine in started if machine.app == labels[-1]]
        return self._addresses(labels[:-1], of_app)

    def _text(self, labels: Sequence[str], machines: Sequence[Machine]) -> Text | None:
        match labels:
            case ["_apps"]:
                return Text(",".join(sorted(self._apps)))
            case ["_peer"]:
                return Text("")
            case ["_instances"]:
                return Text(";".join(map(_instance, machines)))
            case ["vms" | "regions" as what, app] if app in self._apps:
                return Text(_LISTS[what]([m for m in machines if m.app == app]))
        return None

    def _addresses(self, labels: Sequence[str], machines: Sequence[Machine]) -> Addresses | None:
        match labels:
            case [] | ["global"]:
                chosen = machines
            case [region] if region in _CODES:
                chosen = [m for m in machines if m.region == region]
            case [top, "nearest", "of"] if found := _TOP.fullmatch(top):
                chosen = self._nearest(machines)[: int(found[1])]
            case [identifier, "vm"]:
                chosen = [m for m in machines if m.id == identifier]
            case [group, "process"]:
                chosen = _with_metadata(machines, "fly_process_group", group)
            case [value, key, "kv", "_metadata"]:
                chosen = _with_metadata(machines, key, value)
            case _:
                return None
        return Addresses(tuple(machine.address for machine in chosen))

    def _nearest(self, machines: Sequence[Machine]) -> list[Machine]:
        return sorted(machines, key=lambda machine: round_trip_ms(self._here, machine.region))


def _is_hidden(machine: Machine) -> bool:
    return bool((machine.config.raw.get("dns") or {}).get("skip_registration"))


def _with_metadata(machines: Iterable[Machine], key: str, value: str) -> list[Machine]:
    return [m for m in machines if m.config.metadata.get(key, "").lower() == value]


def _instance(machine: Machine) -> str:
    return f"instance={machine.id},app={machine.app},ip={machine.address},region={machine.region}"


def _vms(machines: Sequence[Machine]) -> str:
    return ",".join(f"{machine.id} {machine.region}" for machine in machines)


def _regions(machines: Sequence[Machine]) -> str:
    return ",".join(sorted({machine.region for machine in machines}))


_LISTS: Final[dict[str, Callable[[Sequence[Machine]], str]]] = {"vms": _vms, "regions": _regions}
