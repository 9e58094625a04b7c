"""Both stand-ins under the real Pulumi CLI, as a user's `pulumi up` finds them."""

import json
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.toolchain.conftest import PLUGIN, on_purpose
from tests.toolchain.waiting import is_alive, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

_ROOT = Path(__file__).resolve().parents[2]
_HEAD = """
import pulumi
from pulumi_command import local
"""


COMMAND = "urn:pulumi:test::small::command:local:Command::command"


@dataclass(frozen=True, slots=True)
class Project:
    """A small Pulumi project with a stack `test` on a file backend."""

    folder: Path
    environment: dict[str, str]

    def program(self, body: str) -> None:
        (self.folder / "infra" / "__main__.py").write_text(_HEAD + body)

    def pulumi(self, *arguments: str, fails: bool = False) -> str:
        """What `pulumi` says on both streams."""
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    def up(self, *arguments: str, fails: bool = False) -> str:
        command = ["up", "--yes", "--skip-preview", "--stack", "test"]
        return self.pulumi(*command, *arguments, fails=fails)

    def outputs(self) -> Any:
        command = ["stack", "output", "--json", "--show-secrets", "--stack", "test"]
        return json.loads(self.pulumi(*command))

    def files(self) -> str:
        """Every text that Pulumi keeps: state, backups, history."""
        kept = self.folder / "state"
        return "".join(path.read_text() for path in kept.rglob("*") if path.is_file())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose PATH has our stand-ins and, of Pulumi, only the CLI."""
    cli = shutil.which("pulumi") or str(_ROOT / ".flygate" / "toolchain" / "bin" / "pulumi")
    if not Path(cli).exists():
        pytest.fail("no pulumi on the PATH: run scripts/bootstrap first, or `make test`")
    tools = tmp_path / "a folder with spaces"
    tools.mkdir()
    (tools / "pulumi").symlink_to(Path(cli).resolve())
    stand_ins = _ROOT / "tests" / "toolchain"
    for name, plugin in (("pulumi-language-python", ""), ("pulumi-resource-command", PLUGIN)):
        (tools / name).symlink_to(plugin or stand_ins / name)
    (tmp_path / "infra").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: small\nmain: infra/\nruntime: python\n")
    environment = {
        "PATH": f"{tools}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/state",
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    made = Project(tmp_path, environment)
    made.program("")
    made.pulumi("stack", "init", "test")
    return made


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
    """Created without a former output; then the old one is deleted with it, whoever asked."""
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


def test_hooks_run_in_previews_and_updates(project: Project) -> None:
    """Before a create and before a replacement, and one that raises holds the command back."""
    project.program("""
def say(args):
    preview = pulumi.runtime.is_dry_run()
    pulumi.log.info(f"{args.new_inputs['create']}, {args.old_inputs}, {preview}")
    if pulumi.Config().get("refuse"):
        raise ValueError("refused by the hook")

hook = pulumi.ResourceHook("say", say, pulumi.ResourceHookOptions(on_dry_run=True))
command = local.Command(
    "command",
    create="echo work",
    opts=pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_create=[hook])),
)
command.id.apply(lambda identity: pulumi.log.info("made as " + identity))
""")
    preview, replace = ["preview", "--stack", "test"], ["--replace", COMMAND]

    assert "echo work, None, True" in project.pulumi(*preview)
    assert "echo work, None, False" in project.up()
    assert "echo work, None, True" in project.pulumi(*preview, *replace)

    refused = project.up(*replace, "--config", "refuse=yes", fails=True)
    assert 'before hook "say" failed: refused by the hook' in refused
    assert "made as" not in refused


def test_a_hook_at_the_end_needs_the_program(project: Project) -> None:
    """A plain destroy of what has one is refused; with the program it runs."""
    project.program("""
def say(args):
    pulumi.log.info("the end of " + args.old_outputs["stdout"])

hook = pulumi.ResourceHook("say", say, pulumi.ResourceHookOptions(on_dry_run=True))
local.Command(
    "command",
    create="echo work",
    opts=pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_delete=[hook])),
)
""")
    project.up()
    destroy = ["destroy", "--yes", "--skip-preview", "--stack", "test"]

    assert "--run-program" in project.pulumi(*destroy, fails=True)
    assert "the end of work" in project.pulumi(*destroy, "--run-program")


def test_the_program_reads_what_the_stack_has(project: Project) -> None:
    """Outputs of resources and of the stack, secrets in plain, as they are at that moment."""
    project.program(f"""
def read(function, **arguments):
    while True:
        try:
            return pulumi.runtime.invoke("pulumi:pulumi:" + function, arguments)
        except Exception as error:
            if "failed to load checkpoint" not in str(error):  # it is being written
                raise

def told(when):
    found = read("readStackResourceOutputs", stackName=pulumi.get_stack())
    resource = found.value["outputs"].get({COMMAND!r}, {{"outputs": {{}}}})
    outputs = read("readStackOutputs", name=pulumi.get_stack()).value
    said = (resource["outputs"].get("stdout"), outputs["outputs"].get("said"))
    pulumi.log.info(f"{{when}} {{said}} {{found.is_secret}} {{outputs['secretOutputNames']}}")

told("first")
command = local.Command(
    "command",
    create="echo word is $WORD",
    environment={{"WORD": pulumi.Config().require("word")}},
    opts=pulumi.ResourceOptions(additional_secret_outputs=["stdout"]),
)
command.stdout.apply(lambda _: told("then"))
pulumi.export("said", command.stdout)
""")
    assert "first (None, None) False []" in project.up("--config", "word=one")

    former = "first ('word is one', 'word is one') True ['said']"
    assert former in project.pulumi("preview", "--stack", "test")
    shown = project.up("--config", "word=two")
    assert former in shown
    assert "then ('word is two', 'word is one') True ['said']" in shown


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
    create="echo told $TOKEN",
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
    assert project.outputs() == {"said": "told c4nary-value"}


def test_run_reads_the_world_in_a_preview(project: Project, tmp_path: Path) -> None:
    """A preview may look at what is live, while Commands run nothing in it."""
    project.program(f"""
live = local.run_output(command="echo live", logging=local.Logging.NONE)
local.Command("command", create="touch {tmp_path}/ran")
live.stdout.apply(lambda said: pulumi.log.info("found " + said))
""")

    shown = project.pulumi("preview", "--stack", "test")

    assert "found live" in shown
    assert not (tmp_path / "ran").exists()


def test_a_program_starts_afresh_after_its_preview(project: Project) -> None:
    """What a preview left in the program's modules is not seen by the update that follows."""
    (project.folder / "infra" / "counter.py").write_text("runs = []\n")
    project.program("""
import counter

counter.runs.append(1)
pulumi.export("runs", len(counter.runs))
""")

    project.pulumi("up", "--yes", "--stack", "test")

    assert project.outputs() == {"runs": 1}


def test_a_programs_error_is_shown_with_its_line(project: Project) -> None:
    """A program that fails says where."""
    project.program('\n\nraise ValueError("no such phase: 7")\n')

    shown = project.up(fails=True)

    assert "no such phase: 7" in shown
    assert "__main__.py" in shown


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
    """A CLI that can say nothing any more takes its command with it all the same."""
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
