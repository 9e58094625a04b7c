"""Small files of the kinds that real apps have, through the program's own reading."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flygate.manifest import Manifest
from flygate.program.desired_stack import DesiredStack
from flygate.system.errors import ConfigError

from tests.infra.builders import IMAGE

HEAD = 'app = "case"\nprimary_region = "iad"\n'
WEB = "[http_service]\ninternal_port = 8080\n"
DISK = "source = 'data'\ndestination = '/data'\n"
PUBLIC = '[[services.ports]]\nport = 443\nhandlers = ["tls", "http"]\n'


def plan(text: str, folder: Path, **stack: Any) -> DesiredStack:
    """What a stack asks for with this file."""
    (folder / "fly.toml").write_text(text, encoding="utf-8")
    raw = {"app": "shop", "image": IMAGE, **stack}
    texts = {key: v if isinstance(v, str) else json.dumps(v) for key, v in raw.items()}
    return DesiredStack.read(texts, is_redis_secret=False, root=folder)


def manifest_of(asked: DesiredStack) -> Manifest:
    assert asked.manifest is not None
    return asked.manifest


REFUSED = {
    "a misspelt table": (
        HEAD + "[http_servic]\ninternal_port = 8080\n",
        ["fly.toml:3: http_servic is no key of fly.toml. Did you mean http_service?"],
    ),
    "a misspelt key in a list in a table": (
        HEAD + WEB + "[[http_service.checks]]\n\npth = '/up'\n",
        ["fly.toml:7: pth is no key of http_service.checks[0]. Did you mean path?"],
    ),
    "a key that is like none": (
        HEAD + WEB + "[deploy]\nzzz = 1\n",
        ["fly.toml:6: zzz is no key of deploy. There are max_unavailable, release_command,"],
    ),
    "a misspelt key in an inline table": (
        HEAD + "http_service = { internal_port = 8080, concurrency = { hard_limits = 5 } }\n",
        ["fly.toml:3: hard_limits is no key of http_service.concurrency. Did you mean hard_limit?"],
    ),
    "several mistakes at once": (
        HEAD
        + "[http_service]\ninternal_port = 'many'\nforce_https = 1\n"
        + "[[statics]]\nguest_path = 'x'\nurl_prefix = '/x'\n",
        [
            'fly.toml:4: http_service.internal_port must be a whole number, found "many".',
            "fly.toml:5: http_service.force_https must be true or false, found 1.",
            "fly.toml:6: statics can't be done: Fly's proxy would answer these paths itself",
        ],
    ),
    "two volumes for a machine": (
        HEAD + WEB + "[[mounts]]\n" + DISK + "[[mounts]]\nsource = 'b'\ndestination = '/b'\n",
        ["fly.toml:8: app has two [[mounts]], and a machine of Fly's has one volume. Keep one"],
    ),
    "a volume that Fly has not": (
        HEAD + WEB + "[mounts]\n" + DISK + "initial_size = '900gb'\n",
        ['fly.toml:8: mounts.initial_size is "900gb"; Fly has volumes of 1 to 500 GB.'],
    ),
    "a name that no volume can have": (
        HEAD + WEB + "[mounts]\nsource = 'my-data'\ndestination = '/data'\n",
        ['fly.toml:6: mounts.source is "my-data"; a volume\'s name has up to 30 small letters'],
    ),
    "a volume that would never grow": (
        HEAD + WEB + "[mounts]\n" + DISK + "auto_extend_size_limit = '5gb'\n",
        ["fly.toml:5: mounts.auto_extend_size_threshold and auto_extend_size_increment go "],
    ),
    "a volume that no folder is for": (
        HEAD + WEB + "[mounts]\nsource = 'data'\ndestination = '/'\n",
        ['fly.toml:7: mounts.destination is "/"; it must be a folder in the machine, as in'],
    ),
    "snapshots for longer than Fly keeps them": (
        HEAD + WEB + "[mounts]\n" + DISK + "snapshot_retention = 61\n",
        ["fly.toml:8: mounts.snapshot_retention is 61; Fly keeps snapshots for 1 to 60 days."],
    ),
    "a volume that grows too late": (
        HEAD
        + WEB
        + "[mounts]\n"
        + DISK
        + "auto_extend_size_threshold = 100\nauto_extend_size_increment = '1gb'\n",
        ["fly.toml:8: mounts.auto_extend_size_threshold is 100; it must be 50 to 99 percent."],
    ),
    "a volume that grows too much": (
        HEAD
        + WEB
        + "[mounts]\n"
        + DISK
        + "auto_extend_size_threshold = 80\nauto_extend_size_increment = '101gb'\n",
        ['fly.toml:9: mounts.auto_extend_size_increment is "101gb"; it must be 1 to 100 GB.'],
    ),
    "less than a volume": (
        HEAD + WEB + "[[mounts]]\n" + DISK + "initial_size = '999 MB'\n",
        ['fly.toml:8: mounts.initial_size is "999 MB"; Fly has volumes of 1 to 500 GB.'],
    ),
    "a release command without a word": (
        HEAD + WEB + "[deploy]\nrelease_command = ' # later'\n",
        ["fly.toml:6: deploy.release_command has no word, so the image's own command would run."],
    ),
    "a size that no release command can have": (
        HEAD
        + WEB
        + "[deploy]\nrelease_command = 'a'\n[deploy.release_command_vm]\nsize = 'huge'\n",
        ['fly.toml:8: deploy.release_command_vm.size "huge" is none of Fly\'s: shared-cpu-1x'],
    ),
    "a size of a group that Fly has not": (
        HEAD
        + "[processes]\nb = 'b'\nweb = 'a'\n[[vm]]\nmemory = '300mb'\nprocesses = ['b']\n"
        + WEB
        + "processes = ['web']\n",
        ["fly.toml:6: vm.memory_mb is 300; with 1 shared CPUs Fly takes 256 to 2048 MB in steps"],
    ),
    "a size of a release command that Fly has not": (
        HEAD + WEB + "[deploy]\nrelease_command = 'a'\n[deploy.release_command_vm]\ncpus = 3\n",
        ["fly.toml:8: deploy.release_command_vm.cpus is 3; Fly has 1, 2, 4, 6 or 8 shared CPUs."],
    ),
    "groups of a release command": (
        HEAD
        + WEB
        + "[deploy]\nrelease_command = 'a'\n[deploy.release_command_vm]\nprocesses = ['app']\n",
        ["fly.toml:8: deploy.release_command_vm.processes can't be done: the release command runs"],
    ),
    "times in which nothing can be done": (
        HEAD
        + WEB
        + "[deploy]\nwait_timeout = 300\nrelease_command = 'a'\nrelease_command_timeout = 0\n",
        [
            "fly.toml:6: deploy.wait_timeout is 300ns, in which nothing can be done. A number with",
            "fly.toml:8: deploy.release_command_timeout is 0s, in which nothing can be done. A num",
        ],
    ),
    "a time that never ends": (
        HEAD + WEB + "[deploy]\nwait_timeout = '9999h'\n",
        ["fly.toml:6: deploy.wait_timeout is 9999h0m0s; it must be at most 8760h."],
    ),
    "a release command that can't be split": (
        HEAD + WEB + "[deploy]\nrelease_command = 'sh -c \"'\n",
        ["fly.toml:6: deploy.release_command "],
    ),
    "a group of flyctl's own": (
        HEAD + "[processes]\nfly_app_console = 'a'\n",
        ['fly.toml:4: processes."fly_app_console" can\'t name machines. Take up to 40 letters'],
    ),
    "a volume of a group that is not there": (
        HEAD + WEB + "[mounts]\n" + DISK + "processes = ['db']\n",
        ["fly.toml:8: [[mounts]] is for the process group db, and there is none. Name app"],
    ),
    "processes of the first platform": (
        HEAD + "[[processes]]\nname = 'web'\ncommand = 'serve'\n" + WEB,
        ["fly.toml:3: [[processes]] is the form of Fly's first platform. Write each as a line of"],
    ),
    "a group that is not there": (
        HEAD + WEB + "processes = ['web']\n",
        ["fly.toml:5: [http_service] is for the process group web, and there is none. Name app"],
    ),
    "a service that names no group": (
        HEAD + "[processes]\nweb = 'serve'\n" + WEB,
        ["fly.toml:5: [http_service] names no process group, and there is web; flyctl refuses"],
    ),
    "PORT against internal_port": (
        HEAD + "[env]\nPORT = '8080'\n" + "[http_service]\ninternal_port = 8000\n",
        ["fly.toml:6: http_service.internal_port is 8000, and PORT is 8080 (line 4): the proxy"],
    ),
    "a port where the service does not listen": (
        HEAD + "[http_service]\ninternal_port = 3000\n",
        ["fly.toml:4: http_service.internal_port is 3000, and PORT is not set: the service"],
    ),
    "one public port for two services": (
        HEAD + WEB + "[[services]]\ninternal_port = 8080\n" + PUBLIC,
        ["fly.toml:5: port 443 (tcp) is services[0]'s and http_service's (line 3)"],
    ),
    "metrics where the service has none": (
        HEAD + WEB + "[metrics]\nport = 9100\npath = '/metrics'\n",
        [
            "fly.toml:6: metrics.port is 9100, and METRICS_PORT is not set: the service has its "
            'metrics at 9091 then, and Fly would read none. Add METRICS_PORT = "9100" to [env], or',
        ],
    ),
    "metrics that Fly would not read": (
        HEAD + WEB + "[env]\nMETRICS_PORT = 9100\n[metrics]\nport = 9091\npath = '/metrics'\n",
        ["fly.toml:8: metrics.port is 9091, and METRICS_PORT is 9100 (line 6): Fly would read no"],
    ),
    "killed before it has drained": (
        "kill_timeout = 20\n" + HEAD + WEB + "[env]\nSHUTDOWN_SECONDS = 25\n",
        ["fly.toml:1: kill_timeout is 20 s, and SHUTDOWN_SECONDS is 25 (line 7): Fly would kill"],
    ),
    "a misspelt setting": (
        HEAD + "[env]\nRATE_LIMT_RPM = 30\n" + WEB,
        ["fly.toml:4: env.RATE_LIMT_RPM is no setting of the service. Did you mean RATE_LIMIT"],
    ),
    "more requests than the service takes": (
        HEAD + "[env]\nSERVICE_MAX_REQUESTS = 50\n" + WEB,
        ["fly.toml:4: env.SERVICE_MAX_REQUESTS is 50, and the proxy gives a machine up to 100"],
    ),
    "longer than Fly waits": (
        "kill_timeout = '1h'\n" + HEAD + WEB,
        ["fly.toml:1: kill_timeout is 3600 s; Fly waits 300 s at most. Lower it."],
    ),
    "a check too often": (
        HEAD + WEB + "[checks.a]\ntype = 'tcp'\ninterval = 1000\ntimeout = '2m'\n",
        [
            "fly.toml:7: checks.a.interval is 1s; Fly's least is 2s. Raise it.",
            "fly.toml:8: checks.a.timeout is 2m0s; Fly's most is 60s. Lower it.",
        ],
    ),
    "a file with a secret that is not there": (
        HEAD + WEB + "[[files]]\nguest_path = '/a'\nsecret_name = 'TOKEN'\n",
        ["fly.toml:7: files[0].secret_name TOKEN is no secret of this stack. Set it: "],
    ),
    "a file with two contents": (
        HEAD + WEB + "[[files]]\nguest_path = 'a'\nraw_value = 'x'\nsecret_name = 'TOKEN'\n",
        [
            "fly.toml:5: files[0] needs one of local_path, secret_name and raw_value; keep one.",
            "fly.toml:6: files[0].guest_path must be an absolute path, found 'a'.",
        ],
    ),
    "a variable that would be overwritten": (
        HEAD + "[env]\nFLY_PROCESS_GROUP = 'x'\nFLYGATE_KEY = 'y'\n" + WEB,
        [
            "fly.toml:4: env.FLY_PROCESS_GROUP is set by Flygate, as flyctl does. Remove it.",
            "fly.toml:5: env.FLYGATE_KEY: names with FLYGATE_ are reserved. Rename it.",
        ],
    ),
    "a region that is none": (
        'primary_region = "atlantis"\n' + WEB,
        ["fly.toml:1: primary_region must be regions of Fly: 'atlantis' is none."],
    ),
    "a letter that no process takes": (
        HEAD + '[env]\nA = "a\\u0000b"\n' + WEB,
        ["fly.toml:4: 'env.A' has a NUL in it, which no process can be given. Remove it."],
    ),
    "containers": (
        HEAD + "machine_config = '{}'\n" + WEB,
        ["fly.toml:3: machine_config can't be done: Flygate runs one image in a machine"],
    ),
    "a key twice, in other letters": (
        HEAD + "[http_service]\ninternal_port = 8080\nInternal_Port = 8081\n",
        ["fly.toml:3: http_service has internal_port twice, in other letters; keep one"],
    ),
    "no TOML": (
        HEAD + "[env\n",
        ["fly.toml:3: no valid TOML: Expected ']' at the end of a table declaration. Repair it"],
    ),
}


@pytest.mark.parametrize(("text", "complaints"), REFUSED.values(), ids=REFUSED)
def test_what_can_t_be_is_refused_by_name(text: str, complaints: list[str], tmp_path: Path) -> None:
    """One line for each thing: the place, the reason, the remedy."""
    with pytest.raises(ConfigError) as refusal:
        plan(text, tmp_path)

    lines = str(refusal.value).splitlines()
    assert len(lines) == len(complaints), lines
    for line, complaint in zip(lines, complaints, strict=True):
        assert line.startswith(complaint), line


def test_the_stack_s_port_is_held_against_the_file_s_too(tmp_path: Path) -> None:
    """It wins over [env]; a secret's value is not shown."""
    text = HEAD + "[env]\nPORT = 8080\n" + WEB
    with pytest.raises(ConfigError, match=r"and PORT is 9000 \(flygate:env\.PORT\)"):
        plan(text, tmp_path, env={"PORT": 9000})

    with pytest.raises(ConfigError, match=r"^flygate:env\.RATE_LIMIT_RPS is no setting of the"):
        plan(HEAD + WEB, tmp_path, env={"RATE_LIMIT_RPS": 1})

    own = '[processes]\napp = "node server.js"\n[http_service]\ninternal_port = 3000\n'
    assert manifest_of(plan(HEAD + own + 'processes = ["app"]\n', tmp_path)).web_port == 3000


def test_whole_numbers_of_old_checks_are_milliseconds(tmp_path: Path) -> None:
    """And of new ones nanoseconds, which is noted."""
    old = "[[services.http_checks]]\ninterval = 10000\ntimeout = 2000\ngrace_period = '1s'\n"
    service = "[[services]]\ninternal_port = 8080\nprotocol = 'tcp'\n" + PUBLIC

    (check,) = manifest_of(plan(HEAD + service + old, tmp_path)).config["services"][0]["checks"]
    lines = plan(HEAD + WEB + "[[http_service.checks]]\ninterval = 10000\n", tmp_path).notes

    assert check == {"type": "http", "interval": "10s", "timeout": "2s", "grace_period": "1s"}
    assert lines == (
        "fly.toml:3: a check's interval is 10µs; Fly makes it 1 second. A number without a unit "
        "is of nanoseconds here, as with flyctl: write it with one.",
    )


def test_the_service_is_the_file_s_and_no_other(tmp_path: Path) -> None:
    """The phase's limits and sleep are on it; nothing is added on 8080."""
    text = HEAD + '[env]\nPORT = "8000"\n[[services]]\ninternal_port = 8000\n' + PUBLIC

    found = manifest_of(plan(text, tmp_path))

    (service,) = found.config["services"]
    assert (service["internal_port"], found.web_port) == (8000, 8000)
    assert service["concurrency"] == {"type": "requests", "soft_limit": 25, "hard_limit": 100}
    assert (service["autostop"], service["min_machines_running"]) == ("suspend", 0)
    assert service["ports"][0]["http_options"]["replay_cache"][0]["type"] == "cookie"


def test_a_file_without_a_service_is_a_worker(tmp_path: Path) -> None:
    """It gets no public web service, and the plan says what judges it."""
    asked = plan(HEAD + '[processes]\nworker = "work --hard"\n', tmp_path)

    found = manifest_of(asked)
    assert "services" not in found.config
    assert found.web_port is None
    assert found.env["FLY_PROCESS_GROUP"] == "worker"
    assert asked.notes[0].startswith("fly.toml: no service speaks HTTP, so a new machine is judged")
    with pytest.raises(ConfigError, match=r"no service of fly\.toml speaks HTTP"):
        plan(HEAD, tmp_path, rollout={"by": "clients"})


def test_services_that_are_no_http_keep_their_own_limits(tmp_path: Path) -> None:
    """They have the phase's sleep, since that is the machine's; over IPv4 they need an address."""
    tcp = "[[services]]\ninternal_port = 5432\nprotocol = 'tcp'\n[[services.ports]]\nport = 5432\n"
    limits = "[services.concurrency]\ntype = 'connections'\nhard_limit = 7\nsoft_limit = 5\n"

    asked = plan(HEAD + WEB + tcp + limits, tmp_path)

    web, other = manifest_of(asked).config["services"]
    assert web["concurrency"]["hard_limit"] == 100
    assert other["concurrency"]["hard_limit"] == 7
    assert other["autostop"] == "suspend"
    assert other["ports"] == [{"port": 5432}]
    assert asked.notes == (
        "fly.toml:5: services[0] is no HTTP: over IPv4 it needs an address of its own. Once: "
        "`fly ips allocate-v4 --app shop`.",
    )


def test_both_sizes_are_reported_and_which_wins(tmp_path: Path) -> None:
    """The phase's as a rule; the file's if the stack says so."""
    text = HEAD + "[[vm]]\nmemory = '2gb'\ncpu_kind = 'shared'\ncpus = 1\n" + WEB

    by_phase = plan(text, tmp_path)
    by_file = plan(text, tmp_path, sizing="fly.toml")

    assert manifest_of(by_phase).config["guest"]["memory_mb"] == 256
    assert by_phase.notes == (
        "fly.toml:3: vm.memory_mb is 2048; the stack (phase 1) has 256, which wins.",
        "`pulumi config set sizing fly.toml` lets fly.toml win (docs/fly-toml.md).",
    )
    assert manifest_of(by_file).config["guest"]["memory_mb"] == 2048
    assert by_file.notes == ()
    assert by_file.row.memory_mb == 2048


def test_limits_and_sleep_are_reported_and_can_win_too(tmp_path: Path) -> None:
    """Each service's own; the phase fills in what they leave open."""
    sleep = "auto_stop_machines = 'stop'\nauto_start_machines = false\nmin_machines_running = 1\n"
    text = HEAD + WEB + sleep + "concurrency = { soft_limit = 5 }\n"

    lines = plan(text, tmp_path).notes
    asked = plan(text, tmp_path, sizing="fly.toml")

    assert lines[:-1] == (
        'fly.toml:5: http_service.auto_stop_machines is "stop"; the stack (phase 1) has '
        '"suspend", which wins.',
        "fly.toml:6: http_service.auto_start_machines is false; the stack (phase 1) has true, "
        "which wins.",
        "fly.toml:7: http_service.min_machines_running is 1; the stack (phase 1) has 0, which "
        "wins.",
        "fly.toml:8: http_service.concurrency.soft_limit is 5; the stack (phase 1) has 25, which "
        "wins.",
    )
    (service,) = manifest_of(asked).config["services"]
    assert (service["autostop"], service["autostart"]) == (True, False)
    assert service["min_machines_running"] == asked.row.minimum_running == 1
    assert service["concurrency"] == {"type": "requests", "soft_limit": 5, "hard_limit": 100}


def test_an_oldest_form_of_limits_is_understood(tmp_path: Path) -> None:
    """ "20,25" is soft and hard."""
    text = HEAD + '[[services]]\ninternal_port = 8080\nconcurrency = "20,25"\n' + PUBLIC

    found = manifest_of(plan(text, tmp_path, sizing="fly.toml"))

    assert found.config["services"][0]["concurrency"] == {
        "type": "requests",
        "soft_limit": 20,
        "hard_limit": 25,
    }


@pytest.mark.parametrize(
    ("text", "stack", "complaint"),
    [
        ("", {}, "flygate:sizing is fly.toml, and fly.toml says nothing of vm"),
        (
            "[[vm]]\nmemory = '2gb'\n",
            {"guest": {"memory_mb": 512}},
            r"^fly\.toml:5: vm\.cpu_kind and the stack's flygate:guest both decide",
        ),
        (
            "[[vm]]\nmemory = '300mb'\n",
            {},
            r"With flygate:sizing fly\.toml, guest\.memory_mb is 300; with 1 shared CPUs Fly takes",
        ),
        (
            "[[vm]]\nsize = 'shared-cpu-1x'\n",
            {"sizing": "file"},
            r'flygate:sizing is "file"; it must be .phase. or .fly\.toml.',
        ),
    ],
)
def test_sizing_that_can_t_take_effect_is_refused(
    text: str, stack: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    """Neither decides, both do, or Fly would refuse it."""
    with pytest.raises(ConfigError, match=complaint):
        plan(HEAD + WEB + text, tmp_path, **{"sizing": "fly.toml", **stack})


def test_a_rollout_is_the_file_s_where_the_stack_says_nothing(tmp_path: Path) -> None:
    """What the stack says wins, and the plan says so."""
    text = HEAD + WEB + "[deploy]\nstrategy = 'rolling'\nwait_timeout = '5m'\n"

    asked = plan(text, tmp_path)
    other = plan(text, tmp_path, rollout={"strategy": "bluegreen", "wait": "30s"})

    assert manifest_of(asked).rollout.strategy == "rolling"
    assert manifest_of(asked).gates.wait == "300s"
    assert asked.notes == ()
    assert manifest_of(other).rollout.strategy == "bluegreen"
    assert manifest_of(other).gates.wait == "30s"
    assert [note.partition("; ")[0] for note in other.notes] == [
        'fly.toml:6: deploy.strategy is "rolling"',
        'fly.toml:7: deploy.wait_timeout is "5m0s"',
    ]


def test_the_primary_region_is_the_stack_s_first(tmp_path: Path) -> None:
    """Fly keeps machines awake there; one where nothing runs keeps none."""
    asked = plan(HEAD + WEB, tmp_path, regions=["fra", "ams"])

    assert manifest_of(asked).env["PRIMARY_REGION"] == "fra"
    assert asked.notes == (
        "fly.toml:2: primary_region is iad; the stack's first region is fra, which wins: machines "
        "stay awake there.",
    )


def test_what_is_built_is_what_the_file_asks_for(tmp_path: Path) -> None:
    """Or it is refused; with an image by digest it was built elsewhere, which is noted."""
    text = HEAD + WEB + "[build]\nbuilder = 'heroku/builder:24'\n"
    for name in ("service", "wire"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("")

    lines = plan(text, tmp_path).notes
    with pytest.raises(ConfigError, match=r"^fly\.toml:6: build\.builder can't be done: the image"):
        plan(text, tmp_path, image="source")

    assert lines == (
        f"fly.toml:6: build.builder has no say here: what runs is flygate:image, {IMAGE}.",
    )
    dockerfile = HEAD + WEB + "[build]\ndockerfile = 'Dockerfile'\n"
    assert plan(dockerfile, tmp_path, image="source").notes == ()


def test_old_keys_that_do_nothing_are_reported(tmp_path: Path) -> None:
    """With flyctl they do nothing either."""
    text = (
        HEAD
        + "processes = []\n[experimental]\nauto_rollback = true\nallowed_public_ports = []\n"
        + WEB
    )

    assert plan(text, tmp_path).notes == (
        "fly.toml:6: allowed_public_ports is of Fly's first platform; it does nothing, with flyctl "
        "neither. Remove it.",
    )


def test_a_pinned_stack_is_not_held_up_by_the_checkout_s_file(tmp_path: Path) -> None:
    """A way back must go, whatever the file says now."""
    pin = {"version": "v1", "manifest": "ab"}

    assert plan(HEAD + "[mystery]\n", tmp_path, pin=pin).regions == ("iad",)
    assert plan("[broken", tmp_path, pin=pin, regions=["fra"]).regions == ("fra",)


GROUPS = (
    HEAD
    + "[processes]\nworker = 'work --hard'\nweb = 'serve'\n"
    + WEB
    + "processes = ['web']\n"
    + "[[vm]]\nmemory = '1gb'\nprocesses = ['worker']\n"
    + "[mounts]\n"
    + DISK
    + "initial_size = '3gb'\nsnapshot_retention = 7\nprocesses = ['worker']\n"
)


def test_each_group_has_what_concerns_it(tmp_path: Path) -> None:
    """The one that serves leads, whatever its name; a worker runs once, in the first region."""
    found = manifest_of(plan(GROUPS, tmp_path, regions=["fra", "iad"]))

    web, worker = found.groups
    assert (web.name, web.regions, web.machines) == ("web", ("fra", "iad"), 1)
    assert (worker.name, worker.regions, worker.machines) == ("worker", ("fra",), 1)
    assert worker.config["init"] == {"cmd": ["work", "--hard"]}
    assert worker.config["guest"]["memory_mb"] == 1024
    assert worker.config["mounts"] == [{"path": "/data", "name": "data"}]
    assert "services" not in worker.config
    assert worker.volume is not None
    assert (worker.volume.size_gb, worker.volume.snapshot_retention) == (3, 7)
    assert (web.volume, web.is_kept, worker.is_kept) == (None, False, True)
    own = {"FLY_PROCESS_GROUP": "worker"}
    assert worker.config["env"] == {**web.config["env"], **own}


def test_sections_that_name_no_group_are_the_default_s(tmp_path: Path) -> None:
    """As with flyctl: `app`, or the first by name; sizes and files without groups are for all."""
    text = HEAD + "[processes]\nb = 'b'\na = 'a'\n[mounts]\n" + DISK + "[vm]\nmemory = '512mb'\n"

    found = manifest_of(plan(text + "[[files]]\nguest_path = '/f'\nraw_value = 'x'\n", tmp_path))

    a, b = found.groups
    assert (a.name, b.name) == ("a", "b")
    assert ("mounts" in a.config, "mounts" in b.config) == (True, False)
    assert a.config["files"] == b.config["files"] == [{"guest_path": "/f", "raw_value": "eA=="}]
    assert b.config["guest"]["memory_mb"] == 512


def test_the_stack_says_how_many_of_a_group_and_which_never_run_twice(tmp_path: Path) -> None:
    """What of it can't take effect is refused, with what to type."""
    many = {"count": {"worker": 3}, "rollout": {"in_place": ["web"]}}
    found = manifest_of(plan(GROUPS, tmp_path, **many))
    assert (found.group("worker").machines, found.leading.is_kept) == (3, True)

    refused: dict[str, dict[str, Any]] = {
        "flygate:count.web is 2, and web is the group whose size the phase sets": {
            "count": {"web": 2}
        },
        "flygate:count.wroker is 2, and fly.toml has no process group wroker": {
            "count": {"wroker": 2}
        },
        "flygate:rollout.in_place has cron, and fly.toml has no such process group": {
            "rollout": {"in_place": ["cron"]}
        },
        'flygate:rollout.steps is ["50%", "100%"], and web is in rollout.in_place': {
            "rollout": {"in_place": ["web"], "steps": ["50%"]}
        },
    }
    for complaint, stack in refused.items():
        with pytest.raises(ConfigError) as refusal:
            plan(GROUPS, tmp_path, **stack)
        (line,) = str(refusal.value).splitlines()
        assert line.startswith(complaint)
        assert "`pulumi config " in line


def test_a_release_command_has_the_app_s_environment(tmp_path: Path) -> None:
    """And a size of its own, or that of the group that serves."""
    text = HEAD + WEB + "[deploy]\nrelease_command = 'migrate --all'\n"
    command = manifest_of(plan(text, tmp_path, env={"A": "b"})).release_command
    assert command is not None
    assert (command.words, command.timeout) == (["migrate", "--all"], "5m")
    assert command.config["guest"]["memory_mb"] == 256
    assert command.config["restart"] == {"policy": "no"}
    env = command.config["env"]
    assert (env["A"], env["RELEASE_COMMAND"]) == ("b", "1")
    assert env["FLY_PROCESS_GROUP"] == "fly_app_release_command"

    more = "release_command_timeout = '90s'\n[deploy.release_command_vm]\nmemory = '1gb'\n"
    command = manifest_of(plan(text + more, tmp_path)).release_command
    assert command is not None
    assert (command.timeout, command.config["guest"]["memory_mb"]) == ("90s", 1024)


def test_what_is_kept_is_said_where_the_file_asks_otherwise(tmp_path: Path) -> None:
    """flyctl refuses a canary with a volume; here nothing of a volume's machine is replaced."""
    text = HEAD + WEB + "[deploy]\nstrategy = 'canary'\n[mounts]\n" + DISK

    asked = plan(text, tmp_path, machines=2, rollout={"soak": "5m"})

    assert asked.notes == (
        "fly.toml:7: app has 2 machines, and each has a volume with data of its own.",
        'flygate:rollout.soak is "5m", and app has a volume: its machines are changed in place, '
        "one after the other, and nothing is compared.",
        'fly.toml:6: deploy.strategy is "canary"; the machines of app stay, and are changed in '
        "place, one after the other.",
    )
    rolling = text.replace("canary", "rolling")
    assert plan(rolling, tmp_path, rollout={"in_place": ["app"]}).notes == (
        "flygate:rollout.in_place has app, whose machines have volumes: they are changed in place "
        "anyway.",
    )
    for key, value in {"by": "clients", "judge": {"minimum": 300}, "steps": [1, "100%"]}.items():
        with pytest.raises(ConfigError, match=rf"^flygate:rollout\.{key}.*and app has a volume"):
            plan(text, tmp_path, rollout={key: value}, phase=2)


def test_each_group_is_held_against_what_can_be(tmp_path: Path) -> None:
    """What can't be of a worker is refused, and what may surprise of it is a note."""
    groups = HEAD + "swap_size_mb = 512\n[processes]\nweb = 'a'\nworker = 'b'\n"
    web = groups + WEB + "processes = ['web']\n"
    wrong = "[checks.a]\ntype = 'tcp'\nport = 1\ninterval = '1s'\nprocesses = ['worker']\n"
    with pytest.raises(ConfigError, match=r"^fly\.toml:13: checks\.a\.interval is 1s; Fly's least"):
        plan(web + wrong, tmp_path)

    service = (
        "[[services]]\ninternal_port = 25\nprotocol = 'tcp'\nauto_stop_machines = 'suspend'\n"
        "processes = ['worker']\n[[services.ports]]\nport = 25\n"
    )
    metrics = "[[metrics]]\nport = 1\npath = '/a'\nprocesses = ['worker']\n"
    size = "[[vm]]\nmemory = '4gb'\ncpus = 2\nprocesses = ['worker']\n"
    text = web + service + metrics + metrics.replace("1", "2") + size
    asked = plan(text, tmp_path, autostop="off")

    assert asked.notes == (
        "fly.toml:10: services[0] is no HTTP: over IPv4 it needs an address of its own. Once: "
        "`fly ips allocate-v4 --app shop`.",
        "fly.toml:25: vm.memory_mb is 4096, and Fly suspends no machine of more than 2048 MB: it "
        "stops when idle.",
        "fly.toml:3: Fly suspends no machine with swap: it stops when idle, and forgets its "
        'limits. Remove swap_size_mb, or: auto_stop_machines = "stop"',
        "fly.toml:17: a machine has one metrics: the first [[metrics]] counts.",
    )


def test_a_public_port_of_two_groups_is_shared_by_their_machines(tmp_path: Path) -> None:
    """Fly's proxy takes no notice of groups; clients can't be moved then."""
    text = (
        HEAD
        + "[processes]\nweb = 'a'\napi = 'b'\n"
        + WEB
        + "processes = ['web']\n[[services]]\ninternal_port = 8081\nprocesses = ['api']\n"
        + PUBLIC
    )

    assert plan(text, tmp_path).notes == (
        "fly.toml:9: port 443 (tcp) is api's and web's (line 6): the proxy shares its requests "
        "among the machines of both; a release proves and compares those of web alone.",
    )
    with pytest.raises(ConfigError, match=r'^flygate:rollout\.by is "clients", and port 443'):
        plan(text, tmp_path, phase=2, rollout={"by": "clients"})


def test_volumes_that_can_be_mistaken_or_never_grow_are_reported(tmp_path: Path) -> None:
    """A machine takes any volume of its name that no machine has."""
    text = HEAD + "[processes]\na = 'a'\nb = 'b'\n[mounts]\n" + DISK
    grow = "auto_extend_size_threshold = 80\nauto_extend_size_increment = '1GiB'\n"
    limit = "auto_extend_size_limit = '2gb'\ninitial_size = 2\n"

    lines = plan(text + grow + limit + "processes = ['a', 'b']\n", tmp_path).notes

    assert lines[1:] == (
        "fly.toml:11: mounts.auto_extend_size_limit is not above the volume's 2 GB: it never "
        "grows.",
        "fly.toml:11: mounts.auto_extend_size_limit is not above the volume's 2 GB: it never "
        "grows.",
        "fly.toml:6: the volumes of a and b are both named data: a new machine of one may find "
        "data of the other. Give each a name of its own.",
    )
    found = manifest_of(plan(text + grow, tmp_path)).leading
    assert found.config["mounts"] == [
        {"path": "/data", "name": "data", "extend_threshold_percent": 80, "add_size_gb": 1}
    ]


def test_what_is_said_of_a_release_command_that_there_is_not(tmp_path: Path) -> None:
    """It does nothing, with flyctl neither."""
    more = "release_command_timeout = '5m'\n[deploy.release_command_vm]\nmemory = '1gb'\n"
    assert plan(HEAD + WEB + "[deploy]\n" + more, tmp_path).notes == (
        "fly.toml:6: deploy.release_command_timeout does nothing: there is no release_command.",
        "fly.toml:7: deploy.release_command_vm does nothing: there is no release_command.",
    )


def test_a_release_command_gets_the_files_of_all_groups(tmp_path: Path) -> None:
    """As with flyctl; one for a group alone is in that group's machines and there."""
    text = GROUPS + "[[files]]\nguest_path = '/f'\nraw_value = 'x'\nprocesses = ['worker']\n"

    found = manifest_of(plan(text + "[deploy]\nrelease_command = 'a'\n", tmp_path))

    assert found.release_command is not None
    file = {"guest_path": "/f", "raw_value": "eA=="}
    assert found.release_command.config["files"] == [file]
    assert found.group("worker").config["files"] == [file]
    assert "files" not in found.config


def test_what_a_group_has_is_named_by_its_own_line(tmp_path: Path) -> None:
    """Not by that of another group's section of the same kind."""
    service = "[[services]]\ninternal_port = 1\nprotocol = 'tcp'\nprocesses = ['{}']\n"
    text = (
        HEAD
        + "[processes]\nweb = 'a'\nworker = 'b'\n"
        + "[[vm]]\nmemory = '1gb'\nprocesses = ['worker']\n"
        + "[[vm]]\nmemory = '2gb'\nprocesses = ['web']\n"
        + WEB
        + "processes = ['web']\n"
        + service.format("worker")
        + service.format("web")
    )

    asked = plan(text, tmp_path)

    assert [note.partition(" has no ports")[0] for note in asked.notes] == [
        "fly.toml:19: services[1]",
        "fly.toml:9: vm.memory_mb is 2048; the stack (phase 1) has 256, which wins.",
        "`pulumi config set sizing fly.toml` lets fly.toml win (docs/fly-toml.md).",
        "fly.toml:15: services[0]",
    ]
