"""What a program may do under the real Pulumi CLI, run by the stand-in for its language host."""

from pathlib import Path

import pytest

from tests.toolchain.small_project import COMMAND, Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


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

def write(when):
    found = read("readStackResourceOutputs", stackName=pulumi.get_stack())
    resource = found.value["outputs"].get({COMMAND!r}, {{"outputs": {{}}}})
    outputs = read("readStackOutputs", name=pulumi.get_stack()).value
    said = (resource["outputs"].get("stdout"), outputs["outputs"].get("said"))
    pulumi.log.info(f"{{when}} {{said}} {{found.is_secret}} {{outputs['secretOutputNames']}}")

write("first")
command = local.Command(
    "command",
    create="echo word is $WORD",
    environment={{"WORD": pulumi.Config().require("word")}},
    opts=pulumi.ResourceOptions(additional_secret_outputs=["stdout"]),
)
command.stdout.apply(lambda _: write("then"))
pulumi.export("said", command.stdout)
""")
    assert "first (None, None) False []" in project.up("--config", "word=one")

    former = "first ('word is one', 'word is one') True ['said']"
    assert former in project.pulumi("preview", "--stack", "test")
    shown = project.up("--config", "word=two")
    assert former in shown
    assert "then ('word is two', 'word is one') True ['said']" in shown


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
