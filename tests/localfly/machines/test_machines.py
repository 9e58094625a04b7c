"""The Machines API, as a client sees it (docs/fly-api.md 2.5 to 2.7)."""

import asyncio

import pytest
from localfly.processes.identity import identify

from tests.support.localfly import Machines, digest_of, make_image

pytestmark = pytest.mark.integration


async def test_a_created_machine_has_the_shape_that_flyctl_needs(machines: Machines) -> None:
    """Ids, version, address, host status and image are there from the first answer on."""
    machine = await machines.create(region="lhr")
    assert len(machine["id"]) == 14
    assert len(machine["instance_id"]) == 26
    assert machine["version"] == machine["instance_id"]
    assert machine["host_status"] == "ok"
    assert machine["region"] == "lhr"
    assert machine["private_ip"].startswith("127.")
    assert machine["image_ref"]["registry"] == "registry.fly.io"
    assert machine["image_ref"]["repository"] == "demo"
    assert machine["image_ref"]["tag"] == "v1"
    assert machine["image_ref"]["digest"] == machines.digest
    assert machine["config"] == machines.config()


async def test_checks_pass_and_events_are_newest_first(machines: Machines) -> None:
    """A start shows as launch, start, started, and its check has Fly's name."""
    machine = await machines.serving()
    assert machine["checks"][0]["name"] == "servicecheck-00-http-8080"
    assert machine["checks"][0]["output"] == "200 OK: ok"
    assert [(e["type"], e["status"]) for e in machine["events"]] == [
        ("start", "started"),
        ("start", "starting"),
        ("launch", "created"),
    ]
    stamps = [event["timestamp"] for event in machine["events"]]
    assert stamps == sorted(stamps, reverse=True)
    assert len(set(stamps)) == 3


async def test_stop_and_start(machines: Machines) -> None:
    """A stopped machine ends with a requested exit, and starts again as the same version."""
    machine = await machines.serving()
    assert (await machines.post(machine["id"], "stop", json={"timeout": "0s"})).json() == {
        "ok": True
    }
    await machines.wait(machine["id"], "stopped")
    stopped = await machines.get(machine["id"])
    exit_event = next(e for e in stopped["events"] if e["type"] == "exit")["request"]["exit_event"]
    assert exit_event["requested_stop"] is True
    assert exit_event["exit_code"] == 0
    assert stopped["checks"] == []
    started = (await machines.post(machine["id"], "start")).json()
    assert started["previous_state"] == "stopped"
    again = await machines.healthy(machine["id"])
    assert again["instance_id"] == machine["instance_id"]


async def test_start_while_stopping_is_refused(machines: Machines) -> None:
    """The text is Fly's, so a client's handling of it can be tested."""
    machine = await machines.serving(config=machines.config(env={"LINGER": "0.5"}))
    await machines.post(machine["id"], "stop")
    answer = await machines.post(machine["id"], "start")
    assert answer.status_code == 412
    assert answer.json()["error"] == (
        "failed_precondition: machine still active, refusing to start"
    )


async def test_kill_timeout_ends_a_process_that_ignores_its_signal(machines: Machines) -> None:
    """After stop_config.timeout the process is killed."""
    config = machines.config(env={"LINGER": "30"}, stop_config={"timeout": "200ms"})
    machine = await machines.serving(config=config)
    await machines.post(machine["id"], "stop")
    await machines.wait(machine["id"], "stopped", timeout=5)
    events = (await machines.get(machine["id"]))["events"]
    assert events[0]["request"]["exit_event"]["guest_signal"] == 9


async def test_suspend_freezes_and_start_resumes_the_same_process(machines: Machines) -> None:
    """A suspended machine keeps its memory: the pid before and after is the same."""
    config = machines.config()
    config["services"][0]["autostart"] = False
    machine = await machines.serving(config=config)
    before = (await machines.api.get(f"{machines.base}/{machine['id']}/ps")).json()
    await machines.post(machine["id"], "suspend")
    await machines.wait(machine["id"], "suspended")
    assert (await machines.ask()).status_code == 503
    answer = await machines.post(machine["id"], "start")
    assert answer.json()["previous_state"] == "suspended"
    await machines.healthy(machine["id"])
    after = (await machines.api.get(f"{machines.base}/{machine['id']}/ps")).json()
    assert before[0]["pid"] == after[0]["pid"]


async def test_a_suspended_machine_can_be_stopped_and_destroyed(machines: Machines) -> None:
    """Freezing a process does not make it immortal."""
    machine = await machines.serving()
    await machines.post(machine["id"], "suspend")
    await machines.wait(machine["id"], "suspended")
    await machines.post(machine["id"], "stop")
    await machines.wait(machine["id"], "stopped")
    answer = await machines.api.delete(f"{machines.base}/{machine['id']}")
    assert answer.status_code == 200


async def test_update_replaces_the_config_and_restarts(machines: Machines) -> None:
    """A new version, the same id and address, the new environment."""
    machine = await machines.serving()
    config = machines.config(env={"COLOUR": "green"})
    answer = await machines.api.post(f"{machines.base}/{machine['id']}", json={"config": config})
    assert answer.status_code == 200
    updated = answer.json()
    assert updated["instance_id"] != machine["instance_id"]
    query = f"state=started&version={updated['instance_id']}"
    waited = await machines.api.get(f"{machines.base}/{machine['id']}/wait?{query}")
    assert waited.status_code == 200
    await machines.healthy(machine["id"])
    assert (await machines.ask("/env?COLOUR")).text == "green"
    versions = (await machines.api.get(f"{machines.base}/{machine['id']}/versions")).json()
    assert [v["version"] for v in versions] == [updated["instance_id"], machine["instance_id"]]


async def test_update_of_a_stale_version_is_refused(machines: Machines) -> None:
    """`current_version` guards against a change in between."""
    machine = await machines.create()
    body = {"config": machines.config(), "current_version": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}
    answer = await machines.api.post(f"{machines.base}/{machine['id']}", json=body)
    assert answer.status_code == 409


async def test_a_stopped_machine_stays_stopped_on_update(machines: Machines) -> None:
    """An update is no start."""
    machine = await machines.create(skip_launch=True)
    await machines.wait(machine["id"], "stopped")
    await machines.api.post(
        f"{machines.base}/{machine['id']}", json={"config": machines.config(env={"A": "1"})}
    )
    await machines.wait(machine["id"], "stopped")
    assert (await machines.get(machine["id"]))["config"]["env"] == {"A": "1"}


async def test_destroy_needs_force_while_running(machines: Machines) -> None:
    """`force` and flyctl's `kill` both do; a gone machine is in no list, and 404 afterwards."""
    machine = await machines.serving()
    path = f"{machines.base}/{machine['id']}"
    assert (await machines.api.delete(path)).status_code == 412
    assert (await machines.api.delete(f"{path}?kill=true")).json() == {"ok": True}
    assert (await machines.api.get(machines.base)).json() == []
    deleted = (await machines.api.get(f"{machines.base}?include_deleted=true")).json()
    assert [m["state"] for m in deleted] == ["destroyed"]
    assert (await machines.api.delete(path)).status_code == 404
    assert (await machines.api.get(f"{path}/wait?state=destroyed")).status_code == 200


async def test_wait_gives_up_with_408(machines: Machines) -> None:
    """The text names the wish and the state."""
    machine = await machines.create(skip_launch=True)
    await machines.wait(machine["id"], "stopped")
    answer = await machines.api.get(f"{machines.base}/{machine['id']}/wait?timeout=0")
    assert answer.status_code == 408
    assert answer.json()["error"] == (
        "deadline_exceeded: machine failed to reach desired state, started, currently stopped"
    )


async def test_wait_blocks_until_the_state_comes(machines: Machines) -> None:
    """A wait that was begun before the change is answered by it."""
    machine = await machines.serving()
    waiting = asyncio.create_task(machines.wait(machine["id"], "settled,stopped"))
    waiting.cancel()
    waiting = asyncio.create_task(machines.wait(machine["id"], "stopped"))
    await machines.post(machine["id"], "stop")
    assert (await waiting)["state"] == "stopped"


async def test_wait_for_a_state_after_an_event(machines: Machines) -> None:
    """`from_event_id` does not take the state of before for the one that was asked for."""
    machine = await machines.serving()
    last = machine["events"][0]["id"]
    path = f"{machines.base}/{machine['id']}/wait?state=started&from_event_id={last}"
    assert (await machines.api.get(f"{path}&timeout=0")).status_code == 408
    await machines.post(machine["id"], "restart")
    answer = await machines.api.get(f"{path}&timeout=20")
    assert answer.json()["event_id"] > last


async def test_names_are_unique_within_the_app(machines: Machines) -> None:
    """The second machine of a name is refused; after the first is gone, the name is free."""
    machine = await machines.create(name="one")
    refused = await machines.api.post(
        machines.base, json={"name": "one", "config": machines.config()}
    )
    assert refused.status_code == 422
    assert "already exists" in refused.json()["error"]
    await machines.api.delete(f"{machines.base}/{machine['id']}?force=true")
    await machines.create(name="one")


async def test_lists_are_filtered(machines: Machines) -> None:
    """By metadata, region and state."""
    release = machines.config(metadata={"flygate_release": "v2"})
    wanted = await machines.create(config=release, region="lhr", skip_launch=True)
    await machines.create(skip_launch=True)
    await machines.wait(wanted["id"], "stopped")
    for query in ("metadata.flygate_release=v2", "region=lhr", "state=stopped,failed&region=lhr"):
        found = (await machines.api.get(f"{machines.base}?{query}")).json()
        assert [m["id"] for m in found] == [wanted["id"]], query
    summary = (await machines.api.get(f"{machines.base}?summary=true")).json()
    assert "config" not in summary[0]


async def test_a_program_that_fails_to_start_is_retried_then_left(machines: Machines) -> None:
    """Its exits, restart counts and last words can be read."""
    config = machines.config(
        env={"FAIL_TO_START": "78"}, restart={"policy": "on-failure", "max_retries": 2}
    )
    machine = await machines.create(config=config)
    await machines.wait(machine["id"], "stopped")
    failed = await machines.get(machine["id"])
    exits = [e["request"] for e in failed["events"] if e["type"] == "exit"]
    assert [e["exit_event"]["exit_code"] for e in exits] == [78, 78, 78]
    assert [e["restart_count"] for e in exits] == [2, 1, 0]
    assert not any(e["exit_event"]["requested_stop"] for e in exits)
    logs = await machines.api.get(f"/api/v1/apps/demo/logs?instance={machine['id']}")
    assert "no database: giving up" in [
        line["attributes"]["message"] for line in logs.json()["data"]
    ]


async def test_a_crash_is_repaired_by_the_restart_policy(machines: Machines) -> None:
    """A machine whose process dies is started again by itself."""
    machine = await machines.serving()
    await machines.ask("/die?3")
    crashed = await machines.until(
        machine["id"], lambda m: any(e["type"] == "exit" for e in m["events"])
    )
    assert crashed["id"] == machine["id"]
    await machines.healthy(machine["id"])
    assert (await machines.ask()).text == machine["id"]


async def test_a_command_that_does_not_exist_ends_the_machine(machines: Machines) -> None:
    """The log says what could not be executed."""
    digest = await machines.put_image(make_image({}, ["no-such-program"]))
    config = machines.config(image=f"registry.fly.io/demo@{digest}", restart={"policy": "no"})
    machine = await machines.create(config=config)
    await machines.wait(machine["id"], "stopped")
    logs = await machines.api.get("/api/v1/apps/demo/logs")
    assert "no-such-program" in logs.text


async def test_an_unknown_image_is_refused_at_once(machines: Machines) -> None:
    """With the way to bring it in."""
    digest = digest_of(b"never uploaded")
    config = machines.config(image=f"registry.fly.io/demo@{digest}")
    answer = await machines.api.post(machines.base, json={"config": config})
    assert answer.status_code == 404
    assert f"PUT its tar to /_images/{digest}" in answer.json()["error"]


async def test_auto_destroy(machines: Machines) -> None:
    """A machine for one job is gone when the job is done."""
    config = machines.config(auto_destroy=True, init={"exec": ["python", "-c", "print('done')"]})
    machine = await machines.create(config=config)
    await machines.wait(machine["id"], "destroyed")


async def test_exec_runs_inside_the_machine(machines: Machines) -> None:
    """With its environment, folder and standard input; also while it is cordoned."""
    machine = await machines.serving(skip_service_registration=True)
    script = "import os,sys; print(os.environ['FLY_MACHINE_ID'], os.path.exists('image.json'))"
    answer = await machines.post(
        machine["id"],
        "exec",
        json={"command": ["python", "-c", script + "; print(sys.stdin.read()); sys.exit(3)"]}
        | {"stdin": "hello", "timeout": 10},
    )
    assert answer.json() == {
        "exit_code": 3,
        "exit_signal": 0,
        "stdout": f"{machine['id']} True\nhello\n",
        "stderr": "",
    }


async def test_exec_has_a_deadline_and_needs_a_running_machine(machines: Machines) -> None:
    """408 when it takes too long, 412 with Fly's text when the machine is down."""
    machine = await machines.create()
    body = {"command": ["python", "-c", "import time; time.sleep(60)"], "timeout": 1}
    assert (await machines.post(machine["id"], "exec", json=body)).status_code == 408
    await machines.post(machine["id"], "stop")
    await machines.wait(machine["id"], "stopped")
    answer = await machines.post(machine["id"], "exec", json={"cmd": "ls"})
    assert answer.status_code == 412
    assert answer.json()["error"] == "failed_precondition: machine not running"


async def test_restart_and_signal(machines: Machines) -> None:
    """A restart gives a new process; a signal reaches it."""
    machine = await machines.serving()
    first = (await machines.api.get(f"{machines.base}/{machine['id']}/ps")).json()[0]["pid"]
    await machines.post(machine["id"], "restart")
    await machines.wait(machine["id"], "started")
    await machines.healthy(machine["id"])
    second = (await machines.api.get(f"{machines.base}/{machine['id']}/ps")).json()[0]["pid"]
    assert second != first
    answer = await machines.post(machine["id"], "signal", json={"signal": "SIGTERM"})
    assert answer.json() == {"ok": True}
    await machines.wait(machine["id"], "stopped")


async def test_processes_tell_where_they_listen(machines: Machines) -> None:
    """The machine's own address is all that it has: flyctl warns of any other than this one."""
    machine = await machines.serving()
    (process,) = (await machines.api.get(f"{machines.base}/{machine['id']}/ps")).json()
    assert process["listen_sockets"] == [{"proto": "tcp", "address": "0.0.0.0:8080"}]
    assert "tiny_server.py" in process["command"]
    assert process["rss"] > 1_000_000


async def test_a_failing_check_says_what_it_saw(machines: Machines) -> None:
    """Status and first bytes of the answer are in the output; the machine gets no traffic."""
    config = machines.config(env={"HEALTHY": "no"})
    machine = await machines.create(config=config)
    sick = await machines.until(
        machine["id"], lambda m: m["checks"] and m["checks"][0]["status"] == "critical"
    )
    assert sick["checks"][0]["output"] == "503 Service Unavailable: sick"
    assert (await machines.ask()).status_code == 503


async def test_an_update_does_not_destroy_a_machine_for_one_job(machines: Machines) -> None:
    """`auto_destroy` is about the end of its process, and there was none."""
    machine = await machines.create(config=machines.config(auto_destroy=True), skip_launch=True)
    await machines.wait(machine["id"], "stopped")
    config = machines.config(auto_destroy=True, env={"A": "1"})
    await machines.api.post(f"{machines.base}/{machine['id']}", json={"config": config})
    assert (await machines.wait(machine["id"], "settled"))["state"] == "stopped"


async def test_machines_share_an_address_where_they_must(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where machines share one address (macOS), each gets mapped ports, named by PORT."""
    monkeypatch.setattr("localfly.machines.fleet.can_bind", lambda _: False)
    config = machines.config(metrics={"port": 9091, "path": "/metrics"})
    one, two = await machines.serving(config=config), await machines.serving(config=config)
    assert one["private_ip"] == two["private_ip"] == "127.0.0.1"
    ports = {
        (await machines.ask(f"/env?{name}", fly_force_instance_id=machine["id"])).text
        for name in ("PORT", "METRICS_PORT")
        for machine in (one, two)
    }
    assert len(ports) == 4
    config["checks"] = {"extra": {"type": "tcp", "port": 7000}}
    await machines.api.post(f"{machines.base}/{one['id']}", json={"config": config})
    await machines.until(one["id"], lambda m: len(m["checks"]) == 2)


async def test_a_machine_takes_everything_in_it_along(machines: Machines) -> None:
    """A process that left the machine's group still ends with the machine."""
    machine = await machines.serving()
    script = "import subprocess,sys; print(subprocess.Popen([sys.executable, '-c', "
    script += "'import time; time.sleep(600)'], start_new_session=True, stdout=-3, stderr=-3).pid)"
    body = {"command": ["python", "-c", script]}
    pid = int((await machines.post(machine["id"], "exec", json=body)).json()["stdout"])
    assert identify(pid)
    await machines.post(machine["id"], "stop")
    await machines.wait(machine["id"], "stopped")
    assert identify(pid) is None


async def test_an_older_version_can_be_read(machines: Machines) -> None:
    """Its config, under its own version; one that never was is 404."""
    machine = await machines.create(config=machines.config(env={"A": "1"}), skip_launch=True)
    path = f"{machines.base}/{machine['id']}"
    await machines.api.post(path, json={"config": machines.config(env={"A": "2"})})
    older = (await machines.api.get(f"{path}?version={machine['instance_id']}")).json()
    assert older["config"]["env"] == {"A": "1"}
    assert older["instance_id"] == machine["instance_id"]
    assert (await machines.get(machine["id"]))["config"]["env"] == {"A": "2"}
    assert (await machines.api.get(f"{path}?version=01ARZ")).status_code == 404


async def test_lists_come_in_pages(machines: Machines) -> None:
    """The next page's cursor is in a header; on the last page there is none."""
    made = [(await machines.create(skip_launch=True))["id"] for _ in range(3)]
    first = await machines.api.get(f"{machines.base}?limit=2")
    assert [m["id"] for m in first.json()] == made[:2]
    query = f"limit=2&cursor={first.headers['fly-next-cursor']}"
    second = await machines.api.get(f"{machines.base}?{query}")
    assert [m["id"] for m in second.json()] == made[2:]
    assert "fly-next-cursor" not in second.headers
    assert (await machines.api.get(f"{machines.base}?cursor=none")).status_code == 400


async def test_a_machine_that_uses_too_much_memory_is_killed(machines: Machines) -> None:
    """Its exit says why, its log too, and the restart policy decides what comes next."""
    hungry = "import time; x = bytearray(96 << 20); time.sleep(60)"
    config = machines.config(
        init={"exec": ["python", "-c", hungry]},
        guest={"memory_mb": 64},
        restart={"policy": "no"},
    )
    machine = await machines.create(config=config)
    await machines.wait(machine["id"], "stopped")
    found = await machines.get(machine["id"])
    (ended,) = [e["request"]["exit_event"] for e in found["events"] if e["type"] == "exit"]
    assert (ended["oom_killed"], ended["exit_code"], ended["requested_stop"]) == (True, 137, False)
    await machines.said(machine["id"], "Out of memory: killed the machine's processes")


async def test_a_machine_within_its_memory_stays(machines: Machines) -> None:
    """Until a client gives it less; a restart gives it all of the guest's memory back."""
    machine = await machines.serving(config=machines.config(guest={"memory_mb": 256}))
    path = f"{machines.base}/{machine['id']}/memory"
    assert (await machines.api.get(path)).json()["limit_mb"] == 256
    assert (await machines.api.put(path, json={"limit_mb": 1})).json()["limit_mb"] == 1
    await machines.until(machine["id"], lambda m: any(e["type"] == "exit" for e in m["events"]))
    await machines.healthy(machine["id"])
    assert (await machines.api.get(path)).json()["limit_mb"] == 256
    assert (await machines.api.post(f"{path}/reclaim")).json() == {"actual_mb": 0}


async def test_a_module_that_the_image_forgot_is_missing(machines: Machines) -> None:
    """The checkout that the local Fly runs from is not importable; its packages are."""
    machine = await machines.serving()
    script = """import importlib.util as u
print(*(bool(u.find_spec(name)) for name in ("flygate", "flygate_service", "tests", "fastapi")))"""
    for command in (["python", "-c", script], ["sh", "-c", f"python3 -c '{script}'"]):
        ran = await machines.post(machine["id"], "exec", json={"command": command})
        assert ran.json()["stdout"] == "False False False True\n", ran.json()
    script = "head -1 $(command -v uvicorn)"
    ran = await machines.post(machine["id"], "exec", json={"command": ["sh", "-c", script]})
    interpreter = machines.fly.state_dir / "python" / "bin" / "python"
    assert ran.json()["stdout"].strip() == f"#!{interpreter}"


async def test_an_image_that_can_not_be_pulled_has_a_placeholder(machines: Machines) -> None:
    """It answers on the config's ports, so that flyctl's deployments can be tried."""
    config = machines.config(image="nginx:1.25")
    machine = await machines.serving(config=config)
    assert (await machines.ask()).text == "a placeholder for docker.io/library/nginx:1.25\n"
    reference = machine["image_ref"]
    assert (reference["registry"], reference["tag"]) == ("docker.io", "1.25")
    await machines.said(
        machine["id"],
        "docker.io/library/nginx:1.25 is not in the local registry: "
        "a placeholder answers on ports [8080]",
    )
    other = await machines.create(config=machines.config(image="nginx:1.26"), skip_launch=True)
    assert other["image_ref"]["digest"] != reference["digest"]
    own = machines.config(image="registry.fly.io/demo:never-pushed")
    refused = await machines.api.post(machines.base, json={"config": own})
    assert refused.status_code == 404


async def test_a_tag_stands_for_an_image(machines: Machines) -> None:
    """What it meant when the machine was made is what runs, also after the tag was moved."""
    path = "/_images/tags/registry.fly.io/demo:v1"
    body = {"digest": machines.digest}
    assert (await machines.api.put(path, json=body)).status_code == 200
    config = machines.config(image="registry.fly.io/demo:v1")
    machine = await machines.serving(config=config)
    assert machine["image_ref"]["digest"] == machines.digest
    other = await machines.put_image(make_image({}, ["python", "-c", "print('moved')"]))
    await machines.api.put(path, json={"digest": other})
    await machines.post(machine["id"], "restart")
    await machines.healthy(machine["id"])
    assert (await machines.ask()).text == machine["id"]
    assert (await machines.api.get("/_images")).json()["tags"] == {"registry.fly.io/demo:v1": other}
    unknown = {"digest": digest_of(b"nothing")}
    assert (await machines.api.put(path, json=unknown)).status_code == 404
