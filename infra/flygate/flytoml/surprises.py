"""What works, and may surprise the one who wrote `fly.toml`: notes of the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from flygate_wire.variables import Variable

from flygate.config import SOURCE, StackConfig
from flygate.config.service_settings import is_the_service_s
from flygate.config.sizing import SUSPEND_MB_MAX
from flygate.config.web_service import is_public, services, speaks_http, web_port
from flygate.flytoml import FlyToml, precedence
from flygate.flytoml.lines import Path
from flygate.flytoml.notices import Notices
from flygate.flytoml.pairing import Pairing, refusal
from flygate.flytoml.schema_errors import dotted
from flygate.system import duration

_SECOND, _MINUTE = duration.SECOND, 60 * duration.SECOND
_OF_THE_COMMAND: Final = ("release_command_timeout", "release_command_vm")


def notes(file: FlyToml, stack: StackConfig, config: Mapping[str, Any]) -> Iterator[str]:
    """Yield notes on the leading group, and on what is for all.

    Args:
        config: the group's machine config.
    """
    notices = Notices(notes=list(file.notes))
    found = _Surprises(file, stack, config, frozenset(), notices)
    found.note_settings()
    found.note_web()
    found.note_ports()
    found.note_checks()
    found.note_experimental()
    found.note_suspension("pulumi config set autostop off")
    found.note_several()
    found.note_region()
    found.note_env()
    found.note_command()
    found.note_build()
    yield from dict.fromkeys(map(str, notices.notes))


def notes_of_other(file: FlyToml, stack: StackConfig, config: Mapping[str, Any]) -> Iterator[str]:
    """Yield notes on a group that does not lead: its services are as the file has them.

    Args:
        file, config: of the group.
    """
    notices = Notices()
    found = _Surprises(file, stack, config, frozenset(), notices)
    found.note_ports()
    found.note_checks()
    found.note_memory()
    found.note_suspension('auto_stop_machines = "stop"')
    found.note_several()
    yield from dict.fromkeys(map(str, notices.notes))


class _Surprises(Pairing):
    """What is worth a note."""

    def note_build(self) -> None:
        """With an image by digest, note that `[build]` has no effect."""
        if self.stack.image != SOURCE:
            for key, _ in self._unbuilt():
                self._note(
                    ("build", key),
                    f"build.{key} has no say here: what runs is flygate:image, {self.stack.image}.",
                )

    def note_settings(self) -> None:
        """Note what the service would refuse, if it is what runs; and limits that are lost."""
        for problem in self._problems():
            if not is_the_service_s(problem.variable, self.stack):
                self._note_variable(problem.variable.value, refusal(problem))
        self._note_storage()
        self._note_affinity()

    def _note_storage(self) -> None:
        name = Variable.RATE_LIMIT_STORAGE.value
        value = self.stack.env.get(name, "").strip()
        if value == "memory" and self.stack.row.storage == "redis":
            self._note_variable(
                name,
                f"{name} is memory, and flygate:storage is redis: nothing uses that Redis. Make "
                f"them one: `pulumi config set storage memory`.",
            )

    def _note_affinity(self) -> None:
        name = Variable.RATE_LIMIT_AFFINITY.value
        row = precedence.row(self.stack, self.file)
        count = row.machines * max(1, len(self.stack.regions))
        is_off = self.stack.env.get(name, "").strip() == "off"
        in_memory = self.env.get(Variable.RATE_LIMIT_STORAGE) == "memory"
        if is_off and row.affinity and in_memory and count > 1:
            self._note_variable(
                name,
                f"{name} is off, and limits are in memory: a client can get its limit from each of "
                f"{count} machines. To keep each at one: "
                f"`pulumi config rm --path env.{name}`.",
            )

    def note_web(self) -> None:
        """Note what a release does not ask, or not from outside."""
        if web_port(self.config) is None:
            self.notices.note(
                None,
                "no service speaks HTTP, so a new machine is judged by its checks and its uptime: "
                "nothing asks it, and nothing compares it with the former ones.",
            )
        elif not is_public(self.config):
            self._note(
                self.file.service_path(self._web_index()),
                "the service has no public port 443: a release asks it inside its machine, and "
                "not through the proxy.",
            )

    def note_ports(self) -> None:
        """Note services that no client reaches, or only by an address of their own."""
        for index, service in enumerate(services(self.config)):
            path = self.file.service_path(index)
            if not service.get("ports"):
                self._note(path, f"{dotted(path)} has no ports: no client reaches it from outside.")
            elif service.get("protocol") == "udp" or not speaks_http(service):
                self._note(
                    path,
                    f"{dotted(path)} is no HTTP: over IPv4 it needs an address of its own. Once: "
                    f"`fly ips allocate-v4 --app {self.stack.app}`.",
                )

    def note_checks(self) -> None:
        """Note where Fly takes another value than the file's."""
        for index, service in enumerate(services(self.config)):
            for check in service.get("checks", ()):
                for key in ("interval", "timeout", "grace_period"):
                    self._note_length(self.file.service_path(index), key, check.get(key))

    def note_experimental(self) -> None:
        """Note an old place of the command."""
        old = self.file.values.experimental
        if old and (old.cmd or old.entrypoint or old.exec):
            self._note(
                ("experimental",),
                "experimental is flyctl's old place for a command; [processes] is today's.",
            )

    def note_memory(self) -> None:
        """Note a machine that is too large to be suspended."""
        memory_mb = self.config["guest"]["memory_mb"]
        if memory_mb > SUSPEND_MB_MAX and self._suspends():
            self._note(
                self.file.item_path("vm", 0),
                f"vm.memory_mb is {memory_mb}, and Fly suspends no machine of more than "
                f"{SUSPEND_MB_MAX} MB: it stops when idle.",
            )

    def note_suspension(self, remedy: str) -> None:
        """Note machines that can't be suspended.

        Args:
            remedy: to write or to type.
        """
        if self.file.values.swap_size_mb and self._suspends():
            self._note(
                ("swap_size_mb",),
                "Fly suspends no machine with swap: it stops when idle, and forgets its limits. "
                f"Remove swap_size_mb, or: {remedy}",
            )

    def note_several(self) -> None:
        """Note of what a machine has one."""
        for key, which in (("metrics", "first"), ("restart", "last")):
            if len(getattr(self.file.values, key)) > 1:
                self._note(
                    self.file.item_path(key, 0),
                    f"a machine has one {key}: the {which} [[{key}]] counts.",
                )

    def note_region(self) -> None:
        """Note another primary region than the file's."""
        own, first = self.file.values.primary_region, self.env.get("PRIMARY_REGION")
        if own and first and own != first:
            self._note(
                ("primary_region",),
                f"primary_region is {own}; the stack's first region is {first}, which wins: "
                "machines stay awake there.",
            )

    def note_env(self) -> None:
        """Note variables that the phase decides."""
        given = self.file.values.env
        for name in sorted(given):
            if name in self.stack.env or self.env.get(name) in {None, given[name]}:
                continue
            self._note(
                ("env", name),
                f'env.{name} is "{given[name]}"; the phase sets "{self.env[name]}", which '
                f"wins. To decide it yourself, set it in the stack's env.",
            )

    def note_command(self) -> None:
        """Note what is said of a release command that there is not."""
        deploy = self.file.values.deploy
        if deploy is None or deploy.release_command:
            return
        for key in _OF_THE_COMMAND:
            if getattr(deploy, key):
                self._note(
                    ("deploy", key), f"deploy.{key} does nothing: there is no release_command."
                )

    def _note_length(self, path: Path, key: str, value: str | None) -> None:
        if value is None:
            return
        length = duration.nanoseconds(value)
        if length > _MINUTE:
            text = f"a check's {key} is {value}; Fly makes it 1 minute."
        elif length < _SECOND and (length or key != "grace_period"):
            text = (
                f"a check's {key} is {value}; Fly makes it 1 second. A number without a unit is of "
                "nanoseconds here, as with flyctl: write it with one."
            )
        else:
            return
        self._note(path, text)

    def _suspends(self) -> bool:
        return any(one.get("autostop") == "suspend" for one in services(self.config))
