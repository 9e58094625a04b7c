"""Writing an environment: all of it or nothing, and what is there stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from flygate.config.generated_secrets import GENERATED
from flygate.config.stack_file import StackFile, path_of, template
from flygate.setup.choices import Choices
from flygate.setup.draft import write
from flygate.system.errors import FlygateError

from tests.infra.setup.paper_pulumi import PaperPulumi

CHOICES = Choices("shop", "acme", ("fra", "iad"), "1", image="source")
COMMANDS_OF_A_FIRST_RUN = 3 + len(GENERATED)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout."""
    (tmp_path / "Pulumi.yaml").write_text("name: flygate\n")
    return tmp_path


def run(pulumi: PaperPulumi, choices: Choices = CHOICES) -> tuple[bool, tuple[str, ...]]:
    """Whether the file is another one, and the secrets that were made."""
    written = write(pulumi, StackFile.read(pulumi.root, pulumi.name), choices)
    return written.is_changed, written.secrets


def test_a_new_environment_gets_a_file_a_stack_and_its_secrets(root: Path) -> None:
    """Every chosen value is set, in a file that begins with the template."""
    pulumi = PaperPulumi(root)

    assert run(pulumi) == (True, tuple(GENERATED))

    text = path_of(root, "demo").read_text()
    assert text.startswith(template("demo"))
    wanted = ["app=shop", "org=acme", "regions[0]=fra", "regions[1]=iad", "phase=1", "image=source"]
    assert [line[2:] for line in text.splitlines() if line[2:] in wanted] == wanted
    assert pulumi.stacks == {"demo"}


def test_what_another_stack_proves_is_noted_as_such(root: Path) -> None:
    """Such an environment has no image of its own."""
    run(PaperPulumi(root), Choices("shop", "acme", ("fra",), "1", source="staging"))

    text = path_of(root, "demo").read_text()
    assert "promotion.from=staging" in text
    assert "flygate:image" not in text


def test_secrets_are_long_all_different_and_in_no_command_line(root: Path) -> None:
    """They go to Pulumi's standard input."""
    pulumi, other = PaperPulumi(root), PaperPulumi(root, name="other")
    run(pulumi)
    run(other)

    values = [*pulumi.secrets.values(), *other.secrets.values()]
    assert len(set(values)) == 2 * len(GENERATED)
    assert min(map(len, values)) >= 40
    assert not set(values) & set(pulumi.arguments)
    assert not [v for v in values if v in path_of(root, "demo").read_text()]


def test_a_second_run_changes_nothing(root: Path) -> None:
    """Not a byte, and no secret."""
    pulumi = PaperPulumi(root)
    run(pulumi)
    path_of(root, "demo").write_text(
        "config:\n  flygate:app: shop\n  flygate:org: acme\n"
        "  flygate:regions: [fra]\n  flygate:phase: '1'\n"
    )
    before, secrets = path_of(root, "demo").read_bytes(), dict(pulumi.secrets)

    assert run(pulumi) == (False, ())
    assert path_of(root, "demo").read_bytes() == before
    assert pulumi.secrets == secrets


def test_an_older_environment_gets_just_what_it_lacks(root: Path) -> None:
    """A secret that this version needs; the others, and the values, are left alone."""
    path_of(root, "demo").write_text("config:\n  flygate:app: shop\n  flygate:phase: 2\n")
    pulumi = PaperPulumi(root, stacks={"demo"}, secrets={"ADMIN_TOKEN": "as it was"})

    changed, made = run(pulumi)

    assert (changed, made) == (True, tuple(name for name in GENERATED if name != "ADMIN_TOKEN"))
    assert pulumi.secrets["ADMIN_TOKEN"] == "as it was"
    added = [word for word in pulumi.arguments if "=" in word]
    assert added == ["org=acme", "regions[0]=fra", "regions[1]=iad"]


@pytest.mark.parametrize("failure", [FlygateError("no"), KeyboardInterrupt()])
@pytest.mark.parametrize("fails_at", range(1, COMMANDS_OF_A_FIRST_RUN + 1))
@pytest.mark.parametrize("text", ["", template("demo")])
def test_whatever_fails_nothing_is_left(
    root: Path, text: str, fails_at: int, failure: BaseException
) -> None:
    """No file, no stack, no folder; Ctrl-C is no different."""
    if text:
        path_of(root, "demo").write_text(text)
    pulumi = PaperPulumi(root, fails_at=fails_at, failure=failure)

    with pytest.raises(type(failure)):
        run(pulumi)

    assert pulumi.stacks == set()
    assert StackFile.read(root, "demo").text == text
    assert list((root / ".flygate").iterdir()) == []


def test_who_reads_the_file_meanwhile_reads_a_whole_one(root: Path) -> None:
    """The former one or the new one, never half of it."""
    path_of(root, "demo").write_text(template("demo"))

    with path_of(root, "demo").open() as reader:
        run(PaperPulumi(root))
        assert reader.read() == template("demo")


def test_a_stack_that_was_there_before_is_kept_when_something_fails(root: Path) -> None:
    """It may have resources."""
    pulumi = PaperPulumi(root, stacks={"demo"}, fails_at=4)

    with pytest.raises(FlygateError):
        run(pulumi)

    assert pulumi.stacks == {"demo"}
