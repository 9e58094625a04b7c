"""fly.toml → machine config: field for field what flyctl sends for the same file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flygate.flytoml import FlyToml, machine_config, toml_reader
from flygate.system.errors import ConfigError

SHARED = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}
ENV = {"FLY_PROCESS_GROUP": "app"}


def config(text: str) -> dict[str, Any]:
    return machine_config(FlyToml.of(toml_reader.parse(text.encode())))


def service(text: str) -> dict[str, Any]:
    (only,) = config(text)["services"]
    assert isinstance(only, dict)
    return only


ROOT = Path(__file__).resolve().parents[3]
RECORDINGS = ROOT / "tests" / "data" / "fly_toml" / "deployed"
FILES = {path.stem: path for path in RECORDINGS.glob("*.toml")}


def recorded(name: str) -> dict[str, Any]:
    """What the real flyctl sent as `config` of the first machine, without what we add (image,
    metadata).
    """
    found: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text())
    return found


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_gives_field_for_field_what_flyctl_sends(name: str) -> None:
    """As recorded from `fly deploy` with that file; `flygate` is this project's own."""
    assert machine_config(FlyToml.read(FILES[name])) == recorded(name)


def test_every_recording_has_its_file() -> None:
    """No recording is left untested."""
    assert {path.stem for path in RECORDINGS.glob("*.json")} == set(FILES)


def test_an_empty_file_gives_the_smallest_machine_and_nothing_else() -> None:
    """What is absent is left out, so that the platform's defaults hold."""
    assert config("") == {"env": ENV, "init": {}, "guest": SHARED}


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "env values are texts": (
        "[env]\nN = 5\nB = true\nT = 'x'",
        {"env": {**ENV, "N": "5", "B": "true", "T": "x"}},
    ),
    "kill_timeout in whole seconds": ("kill_timeout = 300", {"stop_config": {"timeout": "5m0s"}}),
    "kill_signal alone": ("kill_signal = 'SIGINT'", {"stop_config": {"signal": "SIGINT"}}),
    "swap": ("swap_size_mb = 512", {"init": {"swap_size_mb": 512}}),
    "experimental command": (
        "[experimental]\ncmd = ['a', 'b']\nentrypoint = ['c']\nexec = ['d']",
        {"init": {"cmd": ["a", "b"], "entrypoint": ["c"], "exec": ["d"]}},
    ),
    "a process group's command is split as a shell does": (
        "[processes]\napp = \"python -m service --name 'my service'\"",
        {"init": {"cmd": ["python", "-m", "service", "--name", "my service"]}},
    ),
    "a list of metrics means its first": (
        "[[metrics]]\nport = 1\npath = '/a'\n[[metrics]]\nport = 2\npath = '/b'",
        {"metrics": {"port": 1, "path": "/a"}},
    ),
    "never is called no": ("[[restart]]\npolicy = 'never'", {"restart": {"policy": "no"}}),
    "no retries are a number, too": (
        "[[restart]]\npolicy = 'on-failure'\nretries = 0",
        {"restart": {"policy": "on-failure", "max_retries": 0}},
    ),
    "a preset": (
        "[[vm]]\nsize = 'shared-cpu-2x'",
        {"guest": {"cpu_kind": "shared", "cpus": 2, "memory_mb": 512}},
    ),
    "a performance preset with other memory": (
        "[[vm]]\nsize = 'performance-4x'\nmemory = '16gb'",
        {"guest": {"cpu_kind": "performance", "cpus": 4, "memory_mb": 16384}},
    ),
    "memory in megabytes": (
        "[vm]\nmemory = '512mb'\ncpus = 2",
        {"guest": {"cpu_kind": "shared", "cpus": 2, "memory_mb": 512}},
    ),
    "memory as a number": ("[[vm]]\nmemory_mb = 1024", {"guest": {**SHARED, "memory_mb": 1024}}),
    "memory as a number under its other name": (
        "[[vm]]\nmemory = 768",
        {"guest": {**SHARED, "memory_mb": 768}},
    ),
    "a check of its own": (
        "[http_service]\ninternal_port = 3000\n"
        "[checks.alive]\ntype = 'http'\nmethod = 'get'\npath = '/up'\ninterval = '15s'",
        {
            "checks": {
                "alive": {
                    "type": "http",
                    "interval": "15s",
                    "method": "GET",
                    "path": "/up",
                    "port": 3000,
                }
            }
        },
    ),
    "a tcp check with its port": (
        "[checks.db]\ntype = 'tcp'\nport = 5432",
        {"checks": {"db": {"type": "tcp", "port": 5432}}},
    ),
    "what flyctl does on its own side is not sent": (
        "app = 'x'\n[deploy]\nstrategy = 'canary'\n[build]\nimage = 'y'",
        {},
    ),
}


@pytest.mark.parametrize(("text", "parts"), CASES.values(), ids=CASES)
def test_each_section_becomes_its_part_of_the_config(text: str, parts: dict[str, Any]) -> None:
    """The rest of the config stays as it is for an empty file."""
    found = config(text)

    found.pop("services", None)
    assert found == {"env": ENV, "init": {}, "guest": SHARED, **parts}


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("'off'", False),
        ("'stop'", True),
        ("'suspend'", "suspend"),
        ("true", True),
        ("false", False),
    ],
)
def test_autostop_is_written_as_flyctl_writes_it(written: str, sent: Any) -> None:
    """Fly's API knows two booleans and one word."""
    found = service(f"[http_service]\ninternal_port = 8080\nauto_stop_machines = {written}")

    assert found["autostop"] is sent or found["autostop"] == sent


def test_zero_machines_running_is_sent() -> None:
    """Scale to zero is something that was asked for."""
    text = (
        "[http_service]\ninternal_port = 8080\n"
        "min_machines_running = 0\nauto_start_machines = false"
    )

    found = service(text)

    assert (found["min_machines_running"], found["autostart"]) == (0, False)


def test_what_a_service_does_not_say_is_not_sent() -> None:
    """Nothing is invented."""
    assert service("[http_service]\ninternal_port = 8080\nprocesses = ['app']") == {
        "protocol": "tcp",
        "internal_port": 8080,
        "ports": [
            {"port": 80, "handlers": ["http"]},
            {"port": 443, "handlers": ["http", "tls"]},
        ],
        "force_instance_key": None,
    }


def test_http_and_tls_options_stand_on_their_ports() -> None:
    """HTTP options are for both ports, TLS options for the one with TLS."""
    found = service(
        "[http_service]\ninternal_port = 8080\n"
        "[http_service.http_options]\nidle_timeout = 60\n"
        "[[http_service.http_options.replay_cache]]\n"
        "path_prefix = '/'\nttl_seconds = 60\ntype = 'cookie'\nname = 'fly-affinity'\n"
        "[http_service.tls_options]\nalpn = ['h2']\n"
    )

    options = {
        "idle_timeout": 60,
        "replay_cache": [
            {"path_prefix": "/", "ttl_seconds": 60, "type": "cookie", "name": "fly-affinity"}
        ],
    }
    plain, secure = found["ports"]
    assert plain == {"port": 80, "handlers": ["http"], "http_options": options}
    assert secure == {
        "port": 443,
        "handlers": ["http", "tls"],
        "http_options": options,
        "tls_options": {"alpn": ["h2"]},
    }


def test_headers_of_a_check_become_a_list() -> None:
    """A map in the file, name and values in the API."""
    found = service(
        "[http_service]\ninternal_port = 8080\n"
        "[[http_service.checks]]\npath = '/'\nprotocol = 'https'\ntls_skip_verify = true\n"
        "tls_server_name = 'a.b'\n[http_service.checks.headers]\nX-Check = 'yes'"
    )

    assert found["checks"] == [
        {
            "type": "http",
            "path": "/",
            "protocol": "https",
            "tls_skip_verify": True,
            "tls_server_name": "a.b",
            "headers": [{"name": "X-Check", "values": ["yes"]}],
        }
    ]


def test_a_plain_service_keeps_its_ports_and_has_tcp_checks_first() -> None:
    """`[[services]]` is sent as it is written."""
    found = service(
        "[[services]]\nprotocol = 'tcp'\ninternal_port = 6379\nauto_stop_machines = 'off'\n"
        "[[services.ports]]\nport = 6379\nhandlers = ['pg_tls']\n"
        "[[services.http_checks]]\npath = '/'\n[[services.tcp_checks]]\ninterval = '10s'\n"
        "[services.concurrency]\ntype = 'connections'\nhard_limit = 5\n"
    )

    assert found == {
        "protocol": "tcp",
        "internal_port": 6379,
        "autostop": False,
        "ports": [{"port": 6379, "handlers": ["pg_tls"]}],
        "checks": [{"type": "tcp", "interval": "10s"}, {"type": "http", "path": "/"}],
        "concurrency": {"type": "connections", "hard_limit": 5},
        "force_instance_key": None,
    }


def test_the_http_service_comes_before_plain_ones() -> None:
    """The first service is the one that the smoke check asks."""
    text = "[[services]]\ninternal_port = 1\n[http_service]\ninternal_port = 2"

    assert [s["internal_port"] for s in config(text)["services"]] == [2, 1]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[vm]]\nsize = 'a100-40gb'", r'^fly\.toml:2: vm\.size "a100-40gb" is none of Fly'),
        ("[[vm]]\nsize = 'shared-cpu-x'", r'vm\.size "shared-cpu-x" is none of Fly'),
        ("[[vm]]\nmemory = 'lots'", r'vm\.memory "lots" is no size'),
        ("[[vm]]\nmemory = '4kb'", r'vm\.memory "4kb" is less than a megabyte'),
        ("[processes]\napp = 'run \"it'", r'^fly\.toml:2: processes\.app has a " that is never'),
        ("[checks.a]\ntype = 'tcp'", r"^fly\.toml:1: checks\.a has no port"),
    ],
)
def test_a_value_that_fly_would_refuse_is_named(text: str, complaint: str) -> None:
    """Before anything was sent."""
    with pytest.raises(ConfigError, match=complaint):
        config(text)


def test_this_project_s_own_file_can_be_read() -> None:
    """The fly.toml beside the program gives a config with a check that gates the rollout."""
    found = machine_config(FlyToml.read(ROOT / "fly.toml"))

    assert found["services"][0]["checks"][0]["path"] == "/readyz"
    assert found["stop_config"] == {"signal": "SIGTERM", "timeout": "30s"}


def test_a_local_file_is_read_beside_fly_toml(tmp_path: Path) -> None:
    """Its content is sent; one that is not there is named."""
    (tmp_path / "fly.toml").write_text("[[files]]\nguest_path = '/etc/x'\nlocal_path = 'x.conf'\n")
    with pytest.raises(ConfigError, match=r"^fly\.toml:3: files\.local_path x\.conf can't be read"):
        machine_config(FlyToml.read(tmp_path / "fly.toml"))

    (tmp_path / "x.conf").write_text("hello")

    found = machine_config(FlyToml.read(tmp_path / "fly.toml"))
    assert found["files"] == [{"guest_path": "/etc/x", "raw_value": "aGVsbG8="}]
