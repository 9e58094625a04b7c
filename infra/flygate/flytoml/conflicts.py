"""Conflicts between `fly.toml` and the stack, found before anything starts.

A conflict is refused with both values and their lines.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from flygate_wire.settings import OFF, SHADOW
from flygate_wire.variables import DEFAULT_METRICS_PORT, DEFAULT_PORT, Variable

from flygate.config import SOURCE, StackConfig
from flygate.config.kinds import LONGEST
from flygate.config.ports import Port, public_ports
from flygate.config.service_settings import is_the_service_s
from flygate.config.sizing import guest_problem
from flygate.config.typing_errors import meant
from flygate.config.web_service import services, web_port
from flygate.flytoml import FlyToml, precedence
from flygate.flytoml.lines import Path
from flygate.flytoml.notices import Notices
from flygate.flytoml.pairing import Pairing, refusal
from flygate.flytoml.schema_errors import dotted
from flygate.flytoml.stop_config import kill_seconds
from flygate.system import duration

# See Fly's documentation of kill_timeout.
KILL_SECONDS_MAX: Final = 300
_DIGITS_MAX: Final = 10
_SECOND, _MINUTE = duration.SECOND, 60 * duration.SECOND
# What flyctl sets itself, over whatever the file says.
_OVERWRITTEN: Final = ("FLY_PROCESS_GROUP", "PRIMARY_REGION")
_TIMEOUTS: Final = ("wait_timeout", "release_command_timeout")


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
    found.check_deploy()
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
    found.check_size()
    found.check_services()
    found.check_checks()
    found.check_files()
    notices.check()


class _Conflicts(Pairing):
    """What can't be."""

    def check_size(self) -> None:
        """Refuse a size that Fly has not."""
        guest = self.config["guest"]
        problem = guest_problem(guest["cpu_kind"], guest["cpus"], guest["memory_mb"])
        if problem:
            self._refuse(self.file.item_path("vm", 0), f"vm.{problem}.")

    def check_services(self) -> None:
        """Refuse one public port for two services."""
        seen: dict[Port, Path] = {}
        for port, index in public_ports(self.config):
            path = self.file.service_path(index)
            if port in seen and seen[port] != path:
                self._refuse(
                    path,
                    f"port {port.number} ({port.protocol}) is {dotted(path)}'s and "
                    f"{dotted(seen[port])}'s (line {self.file.line(*seen[port])}); the proxy can "
                    "lead it to one. Remove it from the other.",
                )
            seen.setdefault(port, path)

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
        if not port or "METRICS_PORT" in self.secrets:
            return
        path = (*self.file.item_path("metrics", 0), "port")
        if value is not None and value.strip() != str(port):
            self._refuse(
                path,
                f"metrics.port is {port}, and METRICS_PORT is {value} "
                f"({self._where('METRICS_PORT')}): Fly would read no metrics. Make them one.",
            )
        elif value is None and port != DEFAULT_METRICS_PORT and self._is_the_service():
            self._refuse(
                path,
                f"metrics.port is {port}, and METRICS_PORT is not set: the service has its metrics "
                f"at {DEFAULT_METRICS_PORT} then, and Fly would read none. Add METRICS_PORT = "
                f'"{port}" to [env], or say {DEFAULT_METRICS_PORT} here.',
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
                self._refuse_variable(problem.variable.value, refusal(problem))
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
        mode = self.env.get(name, "").strip()
        if mode in {SHADOW, OFF} and not has_policies:
            self._refuse_variable(
                name,
                f"{name} is {mode}, which refuses no request, and flygate:smoke.limiter is true, "
                "which wants proof that one is refused. For a trial: "
                "`pulumi config set --path smoke.limiter false`.",
            )

    def check_deploy(self) -> None:
        """Refuse timeouts in which nothing can be done, or that never end."""
        deploy = self.file.values.deploy
        for key in _TIMEOUTS if deploy else ():
            value = getattr(deploy, key)
            if value is None:
                continue
            length = duration.nanoseconds(value)
            if length < _SECOND:
                self._refuse(
                    ("deploy", key),
                    f"deploy.{key} is {value}, in which nothing can be done. A number without a "
                    'unit is of nanoseconds, as with flyctl: write it with one, as in "5m".',
                )
            elif length > duration.seconds(LONGEST) * _SECOND:
                self._refuse(
                    ("deploy", key), f"deploy.{key} is {value}; it must be at most {LONGEST}."
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

    def _is_the_service(self) -> bool:
        """Return whether the image runs the service, as far as the plan can know."""
        is_known = self.stack.image == SOURCE or self.stack.smoke.limiter
        return is_known and not self._has_own_command()

    def _has_own_command(self) -> bool:
        init = self.config.get("init", {})
        return any(init.get(key) for key in ("cmd", "entrypoint", "exec"))

    def _whole(self, name: str) -> int | None:
        """Return a variable that is a number; the service itself checks other values."""
        value = self.env.get(name, "").strip()
        return int(value) if value.isdecimal() and len(value) <= _DIGITS_MAX else None
