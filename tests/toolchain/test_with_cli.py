"""Both stand-ins under the real Pulumi CLI, as a user's `pulumi up` finds them."""

import signal
import subprocess
from pathlib import Path

import pytest

from scripts.toolchain.standins.waiting import is_alive, wait_until
from tests.toolchain.conftest import on_purpose
from tests.toolchain.small_project import COMMAND, Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def test_a_stack_lives_from_up_to_destroy(project: Project, tmp_path: Path) -> None:
    """Create, no change, update with the former output, and destroy: all by plain commands."""
    gone = tmp_path / "gone"
    body = """
word = pulumi.Config().get("word") or "one"
command = local.Command(
    "command",
    create="cat; echo after $PULUMI_COMMAND_STDOUT",
    delete="touch {gone}",
    stdin=word + "\\n",
)
pulumi.export("said", command.stdout)
"""
    project.program(body.format(gone=gone))

    project.up()
    assert project.outputs() == {"said": "one\nafter"}

    project.pulumi("preview", "--expect-no-changes", "--stack", "test")
    project.pulumi("config", "set", "word", "two", "--stack", "test")
    shown = project.pulumi("preview", "--diff", "--stack", "test")
    assert "~ stdin" in shown
    assert "~ create" not in shown

    project.up()
    assert project.outputs() == {"said": "two\nafter one after"}

    project.pulumi("destroy", "--yes", "--stack", "test")
    assert gone.exists()


def test_a_refresh_finds_nothing_changed(project: Project, tmp_path: Path) -> None:
    """By itself, with the program, and before an update: nothing is run, nothing is new."""
    project.program(f"""
command = local.Command(
    "command",
    create="echo $TOKEN; echo ran >> {tmp_path}/log",
    environment={{"TOKEN": pulumi.Output.secret("t0ken")}},
    opts=pulumi.ResourceOptions(additional_secret_outputs=["stdout", "stderr"]),
)
pulumi.export("said", command.stdout)
""")
    project.up()
    nothing = ["--yes", "--skip-preview", "--expect-no-changes", "--stack", "test"]

    for command in (["refresh"], ["refresh", "--run-program"], ["up", "--refresh"]):
        assert "2 unchanged" in project.pulumi(*command, *nothing)

    assert project.outputs() == {"said": "t0ken"}
    assert (tmp_path / "log").read_text() == "ran\n"
    assert "t0ken" not in project.files()


def test_a_replacement_knows_nothing_of_what_it_replaces(project: Project, tmp_path: Path) -> None:
    """Created without a former output; then the old one is deleted with it."""
    log = tmp_path / "log"
    project.program(f"""
local.Command(
    "command",
    create="echo [$PULUMI_COMMAND_STDOUT] | tee -a {log}",
    delete="echo deleted $PULUMI_COMMAND_STDOUT >> {log}",
)
""")
    project.up()

    project.up("--replace", COMMAND)
    project.pulumi("state", "taint", COMMAND, "--yes", "--stack", "test")
    project.up()
    project.pulumi("destroy", "--yes", "--skip-preview", "--stack", "test")

    assert log.read_text() == "[]\n" + "[]\ndeleted []\n" * 2 + "deleted []\n"


def test_what_is_imported_has_no_output(project: Project) -> None:
    """The plugin takes any id, and can neither update nor delete what it then has."""
    imported = ["command:local:Command", "command", "any id", "--generate-code=false"]
    quick = ["--yes", "--skip-preview", "--stack", "test"]
    project.pulumi("import", *imported, "--protect=false", *quick)

    shown = project.pulumi("destroy", *quick, fails=True)

    assert "Missing required field 'stdout' on 'local.CommandOutputs'" in shown


def test_a_failed_update_keeps_the_former_output(project: Project) -> None:
    """The ledger of the last good release survives a bad one, and the reason is shown."""
    body = """
fail = pulumi.Config().get_bool("fail") or False
command = local.Command(
    "command",
    create="test $FAIL = no && echo ledger-$PULUMI_COMMAND_STDOUT || { echo broken; exit 9; }",
    environment={"FAIL": "yes" if fail else "no"},
)
pulumi.export("said", command.stdout)
"""
    project.program(body)
    project.up()

    project.pulumi("config", "set", "fail", "true", "--stack", "test")
    shown = project.up(fails=True)
    project.pulumi("config", "set", "fail", "false", "--stack", "test")
    project.pulumi("preview", "--expect-no-changes", "--stack", "test")

    assert "exit status 9: running" in shown
    assert "broken" in shown
    assert project.outputs() == {"said": "ledger-"}


def test_no_secret_is_kept_or_shown(project: Project) -> None:
    """A secret input, and an output that is made secret, are only in the state encrypted."""
    project.program("""
command = local.Command(
    "command",
    create="echo said $TOKEN",
    environment={"TOKEN": pulumi.Config().require_secret("token")},
    logging=local.Logging.NONE,
    opts=pulumi.ResourceOptions(additional_secret_outputs=["stdout", "stderr"]),
)
pulumi.export("said", command.stdout)
""")
    project.pulumi("config", "set", "--secret", "token", "c4nary-value", "--stack", "test")

    shown = project.up()

    assert "c4nary-value" not in shown
    assert "c4nary-value" not in project.files()
    assert project.outputs() == {"said": "said c4nary-value"}


@on_purpose
def test_an_interrupted_up_leaves_no_process(project: Project, tmp_path: Path) -> None:
    """Ctrl-C reaches the command, and the next `up` does the work."""
    pid, tidied = tmp_path / "pid", tmp_path / "tidied"
    slow = f"trap 'touch {tidied}; exit 1' TERM; echo $$ > {pid}; while :; do sleep 0.05; done"
    project.program(f'local.Command("command", create={slow!r})\n')
    with subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--stack", "test", "--non-interactive"],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as update:
        wait_until(lambda: pid.exists() and pid.read_text().strip() != "")
        update.send_signal(signal.SIGINT)
        assert update.wait(30) != 0

    assert tidied.exists()
    wait_until(lambda: not is_alive(int(pid.read_text())))
    project.program('local.Command("command", create="echo quick")\n')
    project.up()


def test_a_killed_cli_leaves_no_process(project: Project, tmp_path: Path) -> None:
    """A CLI that can say nothing any more takes its command with it nevertheless."""
    pid = tmp_path / "pid"
    slow = f"echo $$ > {pid}; while :; do sleep 0.05; done"
    project.program(f'local.Command("command", create={slow!r})\n')
    with subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--stack", "test", "--non-interactive"],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as update:
        wait_until(lambda: pid.exists() and pid.read_text().strip() != "")
        update.kill()

    wait_until(lambda: not is_alive(int(pid.read_text())))
