"""Conflicts between `fly.toml` and the stack, found before anything starts.

A conflict is refused with both values and their lines; a surprise is a note.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from flygate_wire.settings import SCHEMA, SHADOW, Problem, Secret, problems
from flygate_wire.variables import DEFAULT_PORT, Variable

from flygate.config import SOURCE, StackConfig
from flygate.config.refusal import shortened
from flygate.config.service_settings import is_the_service_s
from flygate.config.typing_errors import meant
from flygate.config.web_service import is_public, services, speaks_http, web_port
from flygate.flytoml import FlyToml, precedence
from flygate.flytoml.lines import Path
from flygate.flytoml.notices import Notice, Notices
from flygate.flytoml.schema_errors import dotted
from flygate.flytoml.stop_config import kill_seconds
from flygate.system import duration

# See Fly's documentation of kill_timeout.
KILL_SECONDS_MAX: Final = 300
_DIGITS_MAX: Final = 10
_SECOND, _MINUTE = duration.SECOND, 60 * duration.SECOND
# What flyctl sets itself, over whatever the file says.
_OVERWRITTEN: Final = ("FLY_PROCESS_GROUP", "PRIMARY_REGION")
_DOCKERFILES: Final = ("Dockerfile", "./Dockerfile")


def check(
    file: FlyToml, stack: StackConfig, config: Mapping[str, Any], secrets: Collection[str]
) -> None:
    """Refuse conflicts.

    Args:
        config: the machine config.
        secrets: the names of the secrets.

    Raises:
        ConfigError: names every conflict.
    """
    notices = Notices()
    found = _Conflicts(file, stack, config, frozenset(secrets), notices)
    found.check_services()
    found.check_port()
    found.check_metrics()
    found.check_shutdown()
    found.check_checks()
    found.check_files()
    found.check_env()
    found.check_settings()
    found.check_mode()
    found.check_build()
    notices.check()


def check_other(
    file: FlyToml, stack: StackConfig, config: Mapping[str, Any], secrets: Collection[str]
) -> None:
    """Refuse conflicts of a group that does not lead: it need not run the service.

    Args:
        file, config: of the group.
        secrets: as in `check`.

    Raises:
        ConfigError: as in `check`.
    """
    notices = Notices()
    found = _Conflicts(file, stack, config, frozenset(secrets), notices)
    found.check_services()
    found.check_checks()
    found.check_files()
    notices.check()


def notes(file: FlyToml, stack: StackConfig, config: Mapping[str, Any]) -> Iterator[str]:
    """Yield notes on what works and may surprise."""
    notices = Notices(notes=list(file.notes))
    found = _Conflicts(file, stack, config, frozenset(), notices)
    found.note_settings()
    found.note_services()
    found.note_checks()
    found.note_rest()
    found.note_build()
    yield from dict.fromkeys(map(str, notices.notes))


class _Conflicts:
    """One file with one stack."""

    def __init__(
        self,
        file: FlyToml,
        stack: StackConfig,
        config: Mapping[str, Any],
        secrets: frozenset[str],
        notices: Notices,
    ) -> None:
        self.file = file
        self.stack = stack
        self.config = config
        self.env: Mapping[str, str] = config.get("env", {})
        self.secrets = secrets
        self.notices = notices

    def check_services(self) -> None:
        """Refuse one public port for two services."""
        seen: dict[tuple[str, int], Path] = {}
        for index, service in enumerate(services(self.config)):
            path = self.file.service_path(index)
            for number in _single_ports(service):
                key = (service.get("protocol") or "tcp", number)
                if key in seen and seen[key] != path:
                    self._refuse(
                        path,
                        f"port {number} ({key[0]}) is {dotted(path)}'s and {dotted(seen[key])}'s "
                        f"(line {self.file.line(*seen[key])}); the proxy can lead it to one. "
                        "Remove it from the other.",
                    )
                seen.setdefault(key, path)

    def check_port(self) -> None:
        """Refuse an internal port where the service does not listen."""
        port, index = web_port(self.config), self._web_index()
        if port is None or "PORT" in self.secrets:
            return
        path = (*self.file.service_path(index), "internal_port")
        value = self.env.get("PORT")
        if value is not None and value.strip() != str(port):
            self._refuse(
                path,
                f"{dotted(path)} is {port}, and PORT is {value} ({self._where('PORT')}): the proxy "
                "would find no listener. Set both to the port where the service listens.",
            )
        elif value is None and port != DEFAULT_PORT and not self._has_own_command():
            self._refuse(
                path,
                f"{dotted(path)} is {port}, and PORT is not set: the service listens on "
                f'{DEFAULT_PORT} then, and the proxy would find no listener. Add PORT = "{port}" '
                "to [env].",
            )

    def check_metrics(self) -> None:
        """Refuse a metrics port where the service serves none."""
        port, value = self.config.get("metrics", {}).get("port"), self.env.get("METRICS_PORT")
        if port and value is not None and value.strip() != str(port):
            self._refuse(
                (*self.file.item_path("metrics", 0), "port"),
                f"metrics.port is {port}, and METRICS_PORT is {value} "
                f"({self._where('METRICS_PORT')}): Fly would read no metrics. Make them one.",
            )

    def check_shutdown(self) -> None:
        """Refuse a kill timeout that ends the service before it has shut down."""
        kill = kill_seconds(self.config)
        if kill > KILL_SECONDS_MAX:
            self._refuse(
                ("kill_timeout",),
                f"kill_timeout is {kill:g} s; Fly waits {KILL_SECONDS_MAX} s at most. Lower it.",
            )
        value = self._whole("SHUTDOWN_SECONDS")
        if value is not None and value >= kill:
            self._refuse(
                ("kill_timeout",),
                f"kill_timeout is {kill:g} s, and SHUTDOWN_SECONDS is {value} "
                f"({self._where('SHUTDOWN_SECONDS')}): Fly would kill the service before it has "
                "ended its requests and handed its limits on. Set kill_timeout some seconds above.",
            )

    def check_checks(self) -> None:
        """Refuse `[checks]` beyond the bounds that flyctl has, too."""
        for name, check in self.file.values.checks.items():
            if check.interval and duration.nanoseconds(check.interval) < 2 * _SECOND:
                self._refuse(
                    ("checks", name, "interval"),
                    f"checks.{name}.interval is {check.interval}; Fly's least is 2s. Raise it.",
                )
            if check.timeout and duration.nanoseconds(check.timeout) > _MINUTE:
                self._refuse(
                    ("checks", name, "timeout"),
                    f"checks.{name}.timeout is {check.timeout}; Fly's most is 60s. Lower it.",
                )

    def check_files(self) -> None:
        """Refuse a file without exactly one content, or with an unknown secret."""
        for index, one in enumerate(self.file.values.files):
            path = self.file.item_path("files", index)
            name = dotted(path)
            sources = [s for s in (one.local_path, one.secret_name, one.raw_value) if s]
            if len(sources) != 1:
                self._refuse(
                    path, f"{name} needs one of local_path, secret_name and raw_value; keep one."
                )
            elif one.secret_name and one.secret_name not in self.secrets:
                self._refuse(
                    (*path, "secret_name"),
                    f"{name}.secret_name {one.secret_name} is no secret of this stack. Set it: "
                    f"pulumi config set --secret --path secrets.{one.secret_name}",
                )
            if not one.guest_path.startswith("/"):
                self._refuse(
                    (*path, "guest_path"),
                    f"{name}.guest_path must be an absolute path, found {one.guest_path!a}.",
                )

    def check_env(self) -> None:
        """Refuse variables that would be overwritten."""
        for name in self.file.values.env:
            path = ("env", name)
            if not name or "=" in name:
                self._refuse(path, f"env.{name!a} can't be the name of a variable. Rename it.")
            elif name in _OVERWRITTEN:
                self._refuse(path, f"env.{name} is set by Flygate, as flyctl does. Remove it.")
            elif name.startswith("FLYGATE_"):
                self._refuse(path, f"env.{name}: names with FLYGATE_ are reserved. Rename it.")
        if "PRIMARY_REGION" in self.stack.env:
            self._refuse_variable(
                "PRIMARY_REGION",
                "PRIMARY_REGION is set by Flygate: the first of flygate:regions. "
                "Remove it: `pulumi config rm --path env.PRIMARY_REGION`.",
            )

    def check_settings(self) -> None:
        """Refuse misspelt settings, and limits that contradict each other."""
        for name in sorted({*self.file.values.env, *self.stack.env}):
            if setting := meant(name):
                self._refuse_variable(
                    name, f"{name} is no setting of the service. Did you mean {setting}?"
                )
        for problem in self._problems():
            if is_the_service_s(problem.variable, self.stack):
                self._refuse_variable(problem.variable.value, _refusal(problem))
        value = self._whole("SERVICE_MAX_REQUESTS")
        limits = [one.get("concurrency", {}) for one in services(self.config)]
        hard = max((one.get("hard_limit", 0) for one in limits), default=0)
        if value is not None and value < hard:
            self._refuse_variable(
                "SERVICE_MAX_REQUESTS",
                f"SERVICE_MAX_REQUESTS is {value}, and the "
                f"proxy gives a machine up to {hard} at a time: it would refuse the rest. Raise "
                "it, or lower the hard limit (concurrency.hard).",
            )

    def check_mode(self) -> None:
        """Refuse a limiter that refuses nothing where each new machine must prove that it does."""
        is_proved = self.stack.smoke.limiter and web_port(self.config) is not None
        if precedence.strategy(self.stack, self.file) == "immediate" or not is_proved:
            return
        has_policies = self.env.get(Variable.RATE_LIMIT_POLICIES)  # then each has its own mode
        name = Variable.RATE_LIMIT_MODE.value
        if self.env.get(name, "").strip() == SHADOW and not has_policies:
            self._refuse_variable(
                name,
                f"{name} is {SHADOW}, which refuses no request, and flygate:smoke.limiter is true, "
                "which wants proof that one is refused. For a trial: "
                "`pulumi config set --path smoke.limiter false`.",
            )

    def check_build(self) -> None:
        """With `image: source`, refuse a `[build]` that Flygate would ignore."""
        if self.stack.image == SOURCE:
            for key, why in self._unbuilt():
                self._refuse(
                    ("build", key),
                    f"build.{key} can't be done: {why} Build the image yourself and set it by "
                    "digest (`pulumi config set image`), or remove it.",
                )

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
                self._note_variable(problem.variable.value, _refusal(problem))
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

    def note_services(self) -> None:
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

    def note_rest(self) -> None:
        values = self.file.values
        if values.experimental and (
            values.experimental.cmd or values.experimental.entrypoint or values.experimental.exec
        ):
            self._note(
                ("experimental",),
                "experimental is flyctl's old place for a command; [processes] is today's.",
            )
        if values.swap_size_mb and any(
            one.get("autostop") == "suspend" for one in services(self.config)
        ):
            self._note(
                ("swap_size_mb",),
                "Fly suspends no machine with swap: it stops when idle, and forgets its limits. "
                "Remove swap_size_mb, or: pulumi config set autostop off",
            )
        for key, which in (("metrics", "first"), ("restart", "last")):
            if len(getattr(values, key)) > 1:
                self._note((key,), f"a machine has one {key}: the {which} [[{key}]] counts.")
        first = self.env.get("PRIMARY_REGION")
        if values.primary_region and first and values.primary_region != first:
            self._note(
                ("primary_region",),
                f"primary_region is {values.primary_region}; the stack's first region is {first}, "
                "which wins: machines stay awake there.",
            )
        for name in sorted(values.env):
            if name in self.stack.env or self.env.get(name) in {None, values.env[name]}:
                continue
            self._note(
                ("env", name),
                f'env.{name} is "{values.env[name]}"; the phase sets "{self.env[name]}", which '
                f"wins. To decide it yourself, set it in the stack's env.",
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

    def _unbuilt(self) -> Iterator[tuple[str, str]]:
        """Yield the keys of `[build]` that `flygate image build` ignores, with the reason."""
        build = self.file.values.build
        if build is None:
            return
        if build.image and build.image != self.stack.image:
            yield "image", f"what runs is flygate:image, which is {self.stack.image}."
        if build.dockerfile and build.dockerfile not in _DOCKERFILES:
            yield "dockerfile", "the image is made by the Dockerfile at the root."
        for key in ("builder", "buildpacks", "builtin", "settings", "args", "ignorefile"):
            if getattr(build, key):
                yield key, "the image is made of flygate:source, by the Dockerfile at the root."
        if build.build_target:
            yield "build-target", "the image is the last stage of the Dockerfile."

    def _has_own_command(self) -> bool:
        init = self.config.get("init", {})
        return any(init.get(key) for key in ("cmd", "entrypoint", "exec"))

    def _web_index(self) -> int:
        return next((i for i, one in enumerate(services(self.config)) if speaks_http(one)), 0)

    def _whole(self, name: str) -> int | None:
        """Return a variable that is a number; the service itself checks other values."""
        value = self.env.get(name, "").strip()
        return int(value) if value.isdecimal() and len(value) <= _DIGITS_MAX else None

    def _problems(self) -> Iterator[Problem]:
        """Yield what the service refuses of the variables that a person has set."""
        given = {**self.file.values.env, **self.stack.env}
        for problem in problems(self.env):
            if problem.variable.value in given:
                yield problem

    def _where(self, name: str) -> str:
        """Say where a variable is set."""
        if name in self.stack.env:
            return f"flygate:env.{name}"
        return f"line {self.file.line('env', name)}"

    def _refuse_variable(self, name: str, text: str) -> None:
        """Refuse a variable at its place: the stack's variables win over the file's."""
        if name in self.stack.env:
            self.notices.refusals.append(Notice(None, f"flygate:env.{text}", is_of_the_stack=True))
        else:
            self._refuse(("env", name), f"env.{text}")

    def _note_variable(self, name: str, text: str) -> None:
        """Note something about a variable at its place."""
        if name in self.stack.env:
            self.notices.notes.append(Notice(None, f"flygate:env.{text}", is_of_the_stack=True))
        else:
            self._note(("env", name), f"env.{text}")

    def _refuse(self, path: Path, text: str) -> None:
        self.notices.refuse(self.file.line(*path), text)

    def _note(self, path: Path, text: str) -> None:
        self.notices.note(self.file.line(*path), text)


def _refusal(problem: Problem) -> str:
    name, found, allowed = problem.variable.value, problem.found, problem.allowed
    is_hidden = isinstance(SCHEMA[problem.variable], Secret)
    shown = "too short" if is_hidden else shortened(json.dumps(found))
    return f"{name} is {shown}; the service takes {allowed}. Set that, or remove it."


def _single_ports(service: Mapping[str, Any]) -> list[int]:
    return [port["port"] for port in service.get("ports") or () if port.get("port")]
