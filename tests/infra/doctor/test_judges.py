"""What each check makes of what it sees: the severity, and a remedy for whatever is not well."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from flygate.config import Pin, StackConfig
from flygate.config.generated_secrets import GENERATED
from flygate.config.promotion import Promotion
from flygate.config.stack_file import NO_IMAGE
from flygate.doctor import (
    app,
    backend,
    clock,
    configuration,
    disk,
    dns,
    machines,
    redis,
    token,
    toolchain,
    volumes,
)
from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, Severity
from flygate.fly.macaroon import Grant
from flygate.fly.models import App, Lease, Organization, Redis, Volume
from flygate.pulumi.errors import (
    BackendError,
    NoSuchStackError,
    NotInstalledError,
    PulumiError,
    WrongPassphraseError,
)
from flygate.rollout.state import CANDIDATE, STANDBY, State
from flygate.system.errors import FlygateError
from flygate.system.project import NotSetUpError
from flygate.system.space import Room

from scripts.toolchain.companions import PLUGIN
from scripts.toolchain.pulumi_cli import PINNED
from tests.infra.builders import IMAGE, seen
from tests.infra.doctor.paper_stack import PaperStack

DAY = 86_400
NOW = 1_800_000_000
SECRETS = dict.fromkeys(GENERATED, "x")


def severities(found: list[Finding]) -> list[Severity]:
    """Their severities; what is not well says what to do."""
    assert all(
        each.remedy for each in found if each.severity in {Severity.BROKEN, Severity.WARNING}
    )
    return [each.severity for each in found]


def stack(**values: object) -> StackConfig:
    """A stack's configuration, with an image."""
    return StackConfig.model_validate({"app": "shop", "image": IMAGE, **values})


def test_the_versions_are_those_of_the_bootstrap() -> None:
    """What it installs, the doctor accepts."""
    assert (toolchain.PULUMI_LEAST, toolchain.PLUGIN) == (PINNED, PLUGIN)


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        (f"v{PINNED}\n", Severity.OK),
        ("v4.0.0", Severity.OK),
        ("v3.99.9", Severity.BROKEN),
        ("", Severity.BROKEN),
        (None, Severity.BROKEN),
    ],
)
def test_pulumi_must_be_new_enough(said: str | None, severity: Severity) -> None:
    """Versions are compared as numbers."""
    assert severities([toolchain.judge_pulumi(said)]) == [severity]


@pytest.mark.parametrize(
    ("error", "command"),
    [
        (NoSuchStackError.of("demo"), "flygate init demo"),
        (WrongPassphraseError("incorrect passphrase"), "PULUMI_CONFIG_PASSPHRASE"),
        (BackendError("unable to open state directory"), "PULUMI_BACKEND_URL"),
        (NotInstalledError("no pulumi"), "scripts/bootstrap"),
        (NotSetUpError("no .flygate/env"), "scripts/bootstrap"),
        (PulumiError("something new"), "PULUMI_BACKEND_URL"),
        (None, "PULUMI_BACKEND_URL"),
    ],
)
def test_the_backend_s_remedy_follows_from_pulumi_s_error(
    error: FlygateError | None, command: str
) -> None:
    """A wrong passphrase and a missing stack want different things."""
    assert command in backend.remedy(Facts(PaperStack()), error)


def test_a_state_that_was_cut_off_is_broken(tmp_path: Path) -> None:
    """Pulumi reads the configuration nevertheless, and would say only what it can't parse."""
    file = tmp_path / ".pulumi/stacks/flygate/demo.json"
    file.parent.mkdir(parents=True)
    file.write_text("")
    (file.parent / "demo.json.bak").write_text("{}")
    environment = {"PULUMI_BACKEND_URL": f"file://{tmp_path}"}

    (found,) = asyncio.run(backend.examine(Facts(PaperStack(environment=environment))))

    assert found.severity is Severity.BROKEN
    assert "cut off at 0 bytes" in found.text
    assert found.remedy == "flygate unlock demo"


def test_a_lock_that_was_cut_off_is_broken(tmp_path: Path) -> None:
    """It locks the stack, and names no process."""
    lock = tmp_path / ".pulumi/locks/organization/flygate/demo/0f3a.json.18ec.tmp"
    lock.parent.mkdir(parents=True)
    lock.write_text("")
    os.utime(lock, (1, 1))
    environment = {"PULUMI_BACKEND_URL": f"file://{tmp_path}"}

    *_, found = asyncio.run(backend.examine(Facts(PaperStack(environment=environment))))

    assert found.severity is Severity.BROKEN
    assert "no room on the disk for its lock" in found.text
    assert found.remedy == "flygate unlock demo"


@pytest.mark.parametrize(
    ("room", "severity"),
    [
        (Room(Path("/shop"), 1 << 30), Severity.OK),
        (Room(Path("/shop"), 64 << 20), Severity.WARNING),
        (Room(Path("/shop"), 1 << 20), Severity.BROKEN),
        (Room(Path("/shop"), 1 << 30, has_names=False), Severity.BROKEN),
    ],
)
def test_a_disk_is_judged_by_what_a_deployment_writes(room: Room, severity: Severity) -> None:
    """The folder is named, and what is free."""
    found = disk.judge(room)

    assert found.severity is severity
    assert found.text.startswith(f"{room.free_bytes >> 20} MiB free for /shop")


def test_a_backend_s_password_is_not_shown() -> None:
    """It may be in the address of the state."""
    facts = Facts(PaperStack(environment={"PULUMI_BACKEND_URL": "postgres://me:word@db/state"}))

    assert backend.place(facts) == "postgres://db/state"


def test_a_real_environment_whose_state_is_only_here_is_at_risk(tmp_path: Path) -> None:
    """To delete the checkout would lose production's state."""
    own = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/.flygate/state"}
    local = {**own, "FLY_FLAPS_BASE_URL": "http://127.0.0.1:1"}

    assert backend.is_at_risk(Facts(PaperStack(root=tmp_path, environment=own)))
    assert not backend.is_at_risk(Facts(PaperStack(root=tmp_path, environment=local)))


def test_a_real_environment_must_not_borrow_the_local_stack_s_passphrase(tmp_path: Path) -> None:
    """It would be deleted with the local stack; Pulumi Cloud needs none."""
    borrowed = {
        "PULUMI_BACKEND_URL": "s3://bucket",
        "PULUMI_CONFIG_PASSPHRASE_FILE": f"{tmp_path}/.flygate/passphrase",
    }

    def borrows(**changes: str) -> bool:
        stack = PaperStack(root=tmp_path, environment=borrowed | changes)
        return backend.borrows_phrase(Facts(stack))

    assert borrows()
    assert not borrows(PULUMI_CONFIG_PASSPHRASE="one of its own")
    assert not borrows(PULUMI_CONFIG_PASSPHRASE_FILE="/run/secrets/phrase")
    assert not borrows(PULUMI_BACKEND_URL="https://api.pulumi.com")
    assert not borrows(FLY_FLAPS_BASE_URL="http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("values", "secrets", "here", "expected"),
    [
        ({}, SECRETS, False, []),
        ({"app": "my-service"}, SECRETS, False, [Severity.BROKEN]),
        ({"image": f"registry.fly.io/shop@{NO_IMAGE}"}, SECRETS, False, [Severity.BROKEN]),
        ({"image": "source"}, SECRETS, False, [Severity.BROKEN]),
        ({"image": "source"}, SECRETS, True, []),
        ({"image": "source", "promotion": Promotion(source="a")}, SECRETS, False, []),
        ({}, {"ADMIN_TOKEN": "x"}, False, [Severity.WARNING]),
    ],
)
def test_a_valid_configuration_may_yet_not_be_right(
    values: dict[str, object], secrets: dict[str, str], here: bool, expected: list[Severity]
) -> None:
    """What the template left open, and what only the local Fly can run."""
    found = configuration.judge(stack(**values), secrets, "demo", is_on_local_fly=here)

    assert severities(found) == expected


PIN = Pin(version="v7", manifest="good", by="ann@laptop", at="2026-11-29T12:00:00+00:00")
OTHER = PIN.model_copy(update={"version": "v5", "manifest": "older"})


@pytest.mark.parametrize(
    ("asked", "recorded", "text", "remedy"),
    [
        (PIN, PIN, "v7 by ann@laptop at 2026-11-29", "flygate forward demo"),
        (None, PIN, "its `pulumi up` is refused", "flygate forward demo"),
        (OTHER, PIN, "its `pulumi up` is refused", "flygate forward demo"),
        (PIN, None, "the stack is not pinned", "pulumi config rm pin --stack demo"),
    ],
    ids=["pinned", "a fresh clone", "another pin", "ended by another checkout"],
)
def test_a_pin_is_what_the_last_deployment_recorded(
    asked: Pin | None, recorded: Pin | None, text: str, remedy: str
) -> None:
    """The file of this checkout may say something else, and then says what to type."""
    (found,) = configuration.judge_pins(asked, recorded, "demo")

    assert found.severity is Severity.WARNING
    assert text in found.text
    assert found.remedy.startswith(remedy)


def test_where_nothing_is_pinned_there_is_nothing_to_say() -> None:
    """Neither in the file nor in the record."""
    assert configuration.judge_pins(None, None, "demo") == []


@pytest.mark.parametrize(
    ("ahead", "severity"),
    [
        (0.4, Severity.OK),
        (-4.9, Severity.OK),
        (12.0, Severity.WARNING),
        (-31.0, Severity.BROKEN),
        (3600.0, Severity.BROKEN),
        (None, Severity.SKIPPED),
    ],
)
def test_a_clock_may_be_off_by_a_little(ahead: float | None, severity: Severity) -> None:
    """By half of what a signature lives, things fail."""
    assert severities([clock.judge(ahead)]) == [severity]


def test_the_clock_says_in_which_direction_it_is_off() -> None:
    """So that one knows which of the two to believe."""
    assert "behind" in clock.judge(60).text
    assert "ahead of" in clock.judge(-60).text


@pytest.mark.parametrize(
    ("status", "org", "phase", "expected"),
    [
        ("deployed", "personal", 1, []),
        ("deployed", "acme", 1, [Severity.BROKEN]),
        ("suspended", "personal", 2, [Severity.WARNING]),
        ("suspended", "personal", 1, []),
    ],
)
def test_an_app_is_in_the_right_organisation_and_not_suspended(
    status: str, org: str, phase: int, expected: list[Severity]
) -> None:
    """A phase that sleeps when idle may have no machine that runs."""
    found = app.judge(
        App(name="shop", status=status, organization=Organization(slug=org)), stack(phase=phase)
    )

    assert severities(found) == expected


@pytest.mark.parametrize(
    ("grant", "severity"),
    [
        (None, Severity.OK),
        (Grant(), Severity.OK),
        (Grant(expires_at=NOW + 90 * DAY), Severity.OK),
        (Grant(expires_at=NOW + 3 * DAY), Severity.WARNING),
        (Grant(expires_at=NOW - DAY), Severity.BROKEN),
        (Grant(may_write=False), Severity.BROKEN),
    ],
)
def test_a_token_must_last_and_may_write(grant: Grant | None, severity: Severity) -> None:
    """It says so itself, before Fly is asked."""
    assert severities([token.judge(grant, NOW, "get another")]) == [severity]


@pytest.mark.parametrize(
    ("apps", "number", "for_others"),
    [(None, 5, False), ({5, 6}, 5, False), ({6}, 5, True), ({6}, 0, False)],
)
def test_a_token_for_other_apps_is_listed_from_one_for_this(
    apps: set[int] | None, number: int, for_others: bool
) -> None:
    """By Fly's number of the app, if Fly shows it."""
    grant = Grant(apps=frozenset(apps) if apps else None)
    shop = App.model_validate({"name": "shop", "internal_numeric_id": number})

    assert token.is_for_others(grant, shop) == for_others


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({}, Severity.OK),
        ({"plan": "fixed_1gb"}, Severity.WARNING),
        ({"org": "acme"}, Severity.BROKEN),
        ({"problem": "out of order"}, Severity.BROKEN),
    ],
)
def test_a_redis_is_as_the_stack_asks_for_it(changes: dict[str, str], severity: Severity) -> None:
    """Its plan can be changed by a deployment, its organisation can't."""
    values = {"name": "shop-redis", "org": "personal", "plan": "fixed_250mb", "region": "iad"}
    found = Redis.model_validate({"id": "1", "url": "", **values, **changes})

    assert severities([redis.judge(found, stack(phase=3), "pulumi up")]) == [severity]


@pytest.mark.parametrize(
    ("listed", "severity"),
    [
        ("m2iad1 iad,m2iad2 iad", Severity.OK),
        ("m2iad1 iad", Severity.WARNING),
        ("", Severity.WARNING),
    ],
)
def test_the_private_dns_lists_what_runs(listed: str, severity: Severity) -> None:
    """Sticky sessions go by it; machines that sleep are not in it."""
    state = State("shop", (seen(2, 1), seen(2, 2), seen(2, 3, state="suspended")))

    assert severities([dns.judge_private(listed, state)]) == [severity]


def test_a_public_name_that_leads_elsewhere_is_noticed() -> None:
    """One address too many is enough; addresses are compared as such."""
    assert (
        dns.judge_public("shop.fly.dev", ["2001:DB8::1"], ["2001:db8:0::1"]).severity is Severity.OK
    )
    assert severities([dns.judge_public("shop.fly.dev", ["192.0.2.9"], ["192.0.2.1"])]) == [
        Severity.WARNING
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"state": "suspended"}, []),
        ({"state": "stopped"}, [Severity.BROKEN]),
        ({"healthy": False}, [Severity.BROKEN]),
        ({"noted_instance": "x", "instance": "y"}, [Severity.BROKEN]),
        ({"role": CANDIDATE, "held": "too few requests"}, [Severity.WARNING]),
        ({"role": CANDIDATE}, [Severity.BROKEN]),
        ({"role": STANDBY, "cordoned": True}, [Severity.WARNING]),
        ({"role": STANDBY, "cordoned": True, "state": "suspended"}, []),
    ],
)
def test_a_machine_that_is_not_as_its_release_left_it_is_named(
    changes: dict[str, object], expected: list[Severity]
) -> None:
    """Stopped, ill, edited, held, left behind."""
    state = State("shop", (seen(2, 1), seen(2, 2, **changes)))
    found = machines.judge(state, "demo", "pulumi up --stack demo")

    assert severities(found) == expected


def test_a_missing_machine_is_noticed() -> None:
    """Its release noted how many there were."""
    [found] = machines.judge(State("shop", (seen(2, 1, count=2),)), "demo", "pulumi up")

    assert "1 of 2 machines" in found.text


def test_a_lease_s_holder_is_listed_from_a_dead_one() -> None:
    """Of two machines held by one rollout it is reported once."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    here = socket.gethostname()
    dead = f"flygate v7 by ann@{here} (process {process.pid}) since 2026"
    alive = f"flygate v8 by ann@{here} (process {os.getpid()}) since 2026"
    elsewhere = f"flygate v9 by ann@not-{here} (process {process.pid}) since 2026"
    leases = {"a": dead, "b": dead, "c": alive, "d": elsewhere, "e": "flyctl deploy"}

    found = machines.judge_leases({m: Lease(description=text) for m, text in leases.items()})

    assert len(severities(found)) == 4
    assert ["has died" in each.text for each in found] == [True, False, False, False]


def test_a_volume_that_no_machine_has_is_named_with_its_price() -> None:
    """It works, and costs money; what a machine has is counted only."""
    left = Volume(id="vol_1", name="data", state="created", region="iad", size_gb=2)
    used = left.model_copy(update={"id": "vol_2", "attached_machine_id": "m1"})

    found = volumes.judge("shop", [left, used])
    assert severities(found) == [Severity.WARNING]
    assert found[0].text == "no machine has data (vol_1, 2 GB in iad), which costs $0.30 a month"
    assert "fly volumes destroy vol_1 -a shop" in found[0].remedy

    (well,) = volumes.judge("shop", [used])
    assert (well.severity, well.text) == (Severity.OK, "1 volume, each of a machine, $0.30 a month")
    assert [each.text for each in volumes.judge("shop", [])] == ["shop has none"]
