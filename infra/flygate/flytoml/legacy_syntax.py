"""Legacy syntax that flyctl still accepts, rewritten into today's.

flyctl does the same before it reads a file: only keys in lower case are considered, and whole
numbers in `[[services.*_checks]]` and `[checks.*]` are milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from flygate.flytoml import coercion
from flygate.flytoml.notices import Notices
from flygate.flytoml.table import Table
from flygate.system import duration

_DURATIONS: Final = ("interval", "timeout", "grace_period")
# Of Fly's first platform: flyctl reads them no more.
_FORMER: Final = {
    "experimental": ("allowed_public_ports", "private_network"),
    "services": ("script_checks",),
    "tcp_checks": ("restart_limit",),
    "http_checks": ("restart_limit",),
}


def renewed(table: Table, notices: Notices) -> Table:
    """Return the same file in today's syntax; refuse what can't be rewritten."""
    renewal = _Renewal(table.with_values(table), notices)
    for step in (
        renewal.env,
        renewal.services,
        renewal.processes,
        renewal.experimental,
        renewal.checks,
        renewal.sizes,
        renewal.mounts,
        renewal.metrics,
        renewal.kill_timeout,
        renewal.build,
    ):
        step()
    return renewal.file


class _Renewal:
    """The rewriting of one file; each step handles one section."""

    def __init__(self, file: Table, notices: Notices) -> None:
        self.file = file
        self.notices = notices

    def env(self) -> None:
        """Merge several `[[env]]` into one table; turn numbers and booleans into texts."""
        if "env" not in self.file:
            return
        merged = self._merged(self.tables("env"))
        for name in list(merged):
            self.cast(merged, name, coercion.text)
        self.file["env"] = merged

    def services(self) -> None:
        if "services" not in self.file:
            return
        found = self.tables("services")
        self.file["services"] = [self._service(one) for one in found if one]

    def processes(self) -> None:
        """Drop an empty list, as older files have it; refuse a list with content."""
        found = self.file.get("processes")
        if not isinstance(found, list):
            return
        del self.file["processes"]
        if any(found):
            self.notices.refuse(
                self.file.lines.get("processes"),
                "[[processes]] is the form of Fly's first platform. Write each as a line of "
                '[processes], as in web = "python -m flygate_service".',
            )

    def experimental(self) -> None:
        found = self.file.get("experimental")
        if not isinstance(found, Table):
            return
        found = self._without_former(found, "experimental")
        for key in ("cmd", "entrypoint", "exec"):
            if key in found:
                self._note_spaces(found, key)
                self.cast(found, key, coercion.words)
        if "kill_timeout" in found:
            self._move(found, "kill_timeout", self.file, "kill_timeout")
        self._move_metrics(found)
        self.file["experimental"] = found

    def checks(self) -> None:
        """Turn `[[checks]]` with names within into a table by name."""
        found = self.file.get("checks")
        if isinstance(found, list):
            named = [one for one in found if isinstance(one, Table) and _is_named(one)]
            if len(named) < len(found):
                self.refuse(self.file, "checks", "must each have a name")
            found = Table(
                {one["name"]: _without(one, "name") for one in named},
                self.file.lines.get("checks"),
                {one["name"]: one.line or 0 for one in named},
            )
        if isinstance(found, Table):
            checks = {
                name: self._check(one) if isinstance(one, Table) else one
                for name, one in found.items()
            }
            self.file["checks"] = found.with_values(checks)

    def sizes(self) -> None:
        """Join `[compute]`, `[[computes]]` and `[[vm]]` into one list; memory may be a number."""
        found = self._gathered(("compute", "computes", "vm"), "vm")
        for one in found:
            self.cast(one, "memory", coercion.text)

    def mounts(self) -> None:
        for one in self._gathered(("mount", "mounts"), "mounts"):
            self.cast(one, "initial_size", coercion.text)

    def metrics(self) -> None:
        self._gathered(("metric", "metrics"), "metrics")

    def kill_timeout(self) -> None:
        self.cast(self.file, "kill_timeout", lambda v: coercion.duration(v, duration.SECOND))

    def build(self) -> None:
        found = self.file.get("build")
        if isinstance(found, Table) and "build_target" in found:
            found = found.with_values(found)
            self._move(found, "build_target", found, "build-target")
            self.file["build"] = found

    def tables(self, key: str) -> list[Table]:
        """Return the tables of a section that may be one table or several."""
        found = self.file[key]
        tables = found if isinstance(found, list) else [found]
        if all(isinstance(one, Table) for one in tables):
            return [one.with_values(one) for one in tables]
        self.refuse(self.file, key, f"must be a table: write [{key}]")
        return []

    def cast(self, table: Table, key: str, cast: Callable[[Any], Any]) -> None:
        """Convert one value; remove it if it means nothing."""
        if key not in table:
            return
        try:
            value = cast(table[key])
        except ValueError as exc:
            self.refuse(table, key, str(exc))
            value = None
        if value is None:
            del table[key]
        else:
            table[key] = value

    def refuse(self, table: Table, key: str, why: str) -> None:
        """Refuse a value of a table that can't be read."""
        self.notices.refuse(table.lines.get(key, table.line), f"{key} {why}.")

    def _service(self, found: Table) -> Table:
        service = self._without_former(found, "services")
        self.cast(service, "concurrency", self._concurrency)
        self.cast(service, "internal_port", coercion.whole)
        if "ports" in service:
            service["ports"] = self._ports(service)
        for kind in ("tcp_checks", "http_checks"):
            if kind in service:
                service[kind] = [
                    self._check(self._without_former(one, kind))
                    for one in self._listed(service, kind)
                ]
        return service

    def _concurrency(self, found: Any) -> Any:
        """Read "20,25", the oldest form of soft and hard limit."""
        if not isinstance(found, str):
            return found
        soft, comma, hard = found.partition(",")
        if not comma:
            raise ValueError('must be a table, or both limits as in "20,25"')
        limits = {"soft_limit": coercion.whole(soft), "hard_limit": coercion.whole(hard)}
        return Table({"type": "requests", **limits})

    def _ports(self, service: Table) -> list[Table]:
        ports = self._listed(service, "ports")
        for port in ports:
            self.cast(port, "port", coercion.whole)
        return ports

    def _check(self, found: Table) -> Table:
        check = found.with_values(found)
        for key in _DURATIONS:
            self.cast(check, key, lambda v: coercion.duration(v, duration.MILLISECOND))
        self.cast(check, "headers", _headers)
        return check

    def _listed(self, table: Table, key: str) -> list[Table]:
        found = table[key]
        listed = found if isinstance(found, list) else [found]
        if all(isinstance(one, Table) for one in listed):
            return [one.with_values(one) for one in listed]
        self.refuse(table, key, "must be tables")
        return []

    def _gathered(self, keys: Iterable[str], into: str) -> list[Table]:
        """Join the tables under several names into one list."""
        present = [key for key in keys if key in self.file]
        found = [one for key in present for one in self.tables(key)]
        for key in present:
            del self.file[key]
            self.file.lines.setdefault(into, self.file.lines.get(key, 0))
        if found:
            self.file[into] = found
        return found

    def _move(self, table: Table, key: str, target: Table, name: str) -> None:
        value = table.pop(key)
        if name not in target:
            target[name] = value
            target.lines[name] = table.lines.get(key, table.line or 0)

    def _move_metrics(self, experimental: Table) -> None:
        keys = [key for key in ("metrics_port", "metrics_path") if key in experimental]
        values = {key.removeprefix("metrics_"): experimental.pop(key) for key in keys}
        if values and "metrics" not in self.file:
            lines = {key: experimental.lines.get(f"metrics_{key}", 0) for key in values}
            self.file["metrics"] = Table(values, experimental.line, lines)
            self.file.lines["metrics"] = experimental.line or 0

    def _note_spaces(self, experimental: Table, key: str) -> None:
        value = experimental[key]
        if isinstance(value, str) and len(value.split()) > 1:
            self.notices.note(
                experimental.lines.get(key),
                f"experimental.{key} is one text with spaces; flyctl makes one word of it, and so "
                f'does Flygate. Write {key} = ["one", "two"], or a command of [processes].',
            )

    def _without_former(self, found: Table, kind: str) -> Table:
        """Drop what flyctl no longer reads, with a note."""
        kept = found.with_values(found)
        for key in _FORMER[kind]:
            if key in kept:
                del kept[key]
                self.notices.note(
                    found.lines.get(key),
                    f"{key} is of Fly's first platform; it does nothing, with flyctl neither. "
                    "Remove it.",
                )
        return kept

    @staticmethod
    def _merged(tables: list[Table]) -> Table:
        merged = Table()
        for one in tables:
            merged.line = merged.line or one.line
            merged.update(one)
            merged.lines.update(one.lines)
        return merged


def _headers(found: Any) -> dict[str, str] | None:
    """Read a table, or a list of names with their values."""
    if isinstance(found, list):
        if not all(isinstance(one, Table) and "name" in one for one in found):
            raise ValueError("must be a table, or a list of name and value")
        found = {coercion.text(one["name"]): one.get("value", "") for one in found}
    if not isinstance(found, dict):
        raise ValueError("must be a table of names and texts")
    return {name: coercion.text(value) for name, value in found.items()} or None


def _is_named(check: Table) -> bool:
    return isinstance(check.get("name"), str)


def _without(table: Table, key: str) -> Table:
    return table.with_values({name: value for name, value in table.items() if name != key})
