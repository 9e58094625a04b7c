"""A stack's file: what it says, and the text that a new one begins with."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from flygate import config
from flygate.config import StackConfig, stack_file
from flygate.config.stack_file import StackFile, path_of, template
from flygate.system.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]


def loaded(text: str) -> StackConfig:
    """The configuration in a text, as the program loads it."""
    values = yaml.safe_load(text)["config"]
    return config.load({key.removeprefix("flygate:"): value for key, value in values.items()})


@pytest.mark.parametrize("source", ["", "staging"])
def test_a_template_is_valid_and_says_what_is_usual(source: str) -> None:
    """All that it says beside the choices is the default, or a reasoned exception."""
    found = loaded(template("demo", source))

    usual = StackConfig(app="shop").rollout
    assert found.rollout.model_copy(update={"soak": usual.soak}) == usual
    assert found.protect == bool(source)
    assert (found.promotion.source if found.promotion else "") == source


@pytest.mark.parametrize("source", ["", "staging"])
def test_a_template_explains_each_of_its_keys(source: str) -> None:
    """A comment stands above each key of the configuration."""
    lines = template("demo", source).splitlines()
    keys = [number for number, line in enumerate(lines) if line.startswith("  flygate:")]
    unexplained = [lines[number] for number in keys if not lines[number - 1].startswith("  # ")]

    assert [line for line in unexplained if "rollout" not in line] == []


@pytest.mark.parametrize(("name", "source"), [("staging", ""), ("prod", "staging")])
def test_the_files_of_a_fresh_checkout_are_templates(name: str, source: str) -> None:
    """Until `flygate init` has filled them in."""
    file = StackFile.read(ROOT, name)
    if file.is_template:
        assert file.text == template(name, source)
    assert loaded(file.text).app == file.values["app"]


def test_without_a_file_nothing_was_chosen(tmp_path: Path) -> None:
    """That is no error."""
    file = StackFile.read(tmp_path, "demo")

    assert (file.text, file.values, file.is_template) == ("", {}, True)


@pytest.mark.parametrize("text", ["config: [", "- a list", "config: text"])
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, text: str) -> None:
    """It is not overwritten."""
    path_of(tmp_path, "demo").write_text(text)

    with pytest.raises(ConfigError, match=r"Pulumi\.demo\.yaml is there"):
        StackFile.read(tmp_path, "demo")


def test_the_other_stacks_are_found_by_their_files(tmp_path: Path) -> None:
    """The project's own file is none of them."""
    for name in ("a", "b"):
        path_of(tmp_path, name).write_text(f"config:\n  flygate:app: {name}\n")
    (tmp_path / "Pulumi.yaml").write_text("name: flygate\n")

    assert [file.values["app"] for file in stack_file.others(tmp_path, "a")] == ["b"]


def test_a_change_takes_the_file_s_place_when_it_is_whole(tmp_path: Path) -> None:
    """Its mode and the link by which it is named stay."""
    (tmp_path / "kept").mkdir()
    file, link = tmp_path / "kept" / "prod.yaml", tmp_path / "Pulumi.prod.yaml"
    file.write_text("config: {}\n")
    file.chmod(0o600)
    link.symlink_to(file)

    with stack_file.replaced(tmp_path, "prod") as copy:
        copy.write_text("config:\n  flygate:app: shop\n")

    assert StackFile.read(tmp_path, "prod").values == {"app": "shop"}
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_a_change_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """Pulumi cut its copy off: the disk is full."""
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text("config: {}\n")

    with suppress(OSError), stack_file.replaced(tmp_path, "prod") as copy:
        copy.write_text("")
        raise OSError("No space left on device")

    assert file.read_text() == "config: {}\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_not_there_yet_is_made(tmp_path: Path) -> None:
    """And one that is not made leaves nothing."""
    with stack_file.replaced(tmp_path, "prod"):
        pass
    assert list(tmp_path.iterdir()) == []

    with stack_file.replaced(tmp_path, "prod") as copy:
        copy.write_text("config: {}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["Pulumi.prod.yaml"]
