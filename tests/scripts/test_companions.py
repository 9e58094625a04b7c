"""When stand-ins are used for Pulumi's companions, and when never."""

import json
import os
from importlib import resources
from pathlib import Path

import pytest

from scripts.toolchain import companions
from scripts.toolchain.checkout import Checkout
from scripts.toolchain.console import Console
from scripts.toolchain.pulumi_cli import PINNED, PulumiCli
from scripts.toolchain.standins import command_provider
from tests.scripts.conftest import MakeProgram

pytestmark = pytest.mark.integration


def make_cli(make_program: MakeProgram, folder: Path, line: str, ordinary: bool) -> PulumiCli:
    if ordinary:
        make_program(folder / "pulumi-language-python", "exit 0")
    return PulumiCli(make_program(folder / "pulumi", line), PINNED)


def test_an_ordinary_installation_keeps_its_companions(
    checkout: Checkout, console: Console, make_program: MakeProgram, tmp_path: Path
) -> None:
    """The plugin is installed by the CLI itself, and no stand-in is in the way."""
    line = f'echo "$@" > {tmp_path}/asked'
    cli = make_cli(make_program, tmp_path / "path", line, ordinary=True)

    found = companions.ensure(checkout, cli, console)

    assert found.stand_ins == ()
    assert (tmp_path / "asked").read_text() == "plugin install resource command v1.2.1\n"
    assert list(checkout.bin.glob("pulumi-*")) == []


def test_an_installed_plugin_is_not_downloaded_again(
    checkout: Checkout, console: Console, make_program: MakeProgram, tmp_path: Path
) -> None:
    """The plugin that is there is the plugin that is used."""
    cli = make_cli(make_program, tmp_path / "path", "exit 1", ordinary=True)
    plugin = tmp_path / "home/.pulumi/plugins/resource-command-v1.2.1/pulumi-resource-command"
    make_program(plugin, "exit 0")

    assert companions.ensure(checkout, cli, console).stand_ins == ()


def test_a_built_cli_gets_both_stand_ins(
    checkout: Checkout,
    console: Console,
    make_program: MakeProgram,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """They are relative links, so that the checkout can move, and a line says so."""
    checkout.bin.mkdir(parents=True)
    cli = make_cli(make_program, tmp_path / "built", "exit 1", ordinary=False)

    found = companions.ensure(checkout, cli, console)

    assert found.stand_ins == ("pulumi-language-python", "pulumi-resource-command")
    said = capsys.readouterr().out
    for name in found.stand_ins:
        link = checkout.bin / name
        assert not os.path.isabs(link.readlink())
        assert link.resolve() == (checkout.stand_ins / name).resolve()
        assert f"{name}: the stand-in" in said


def test_stand_ins_go_when_the_real_ones_come(
    checkout: Checkout, console: Console, make_program: MakeProgram, tmp_path: Path
) -> None:
    """Installing Pulumi later is enough to be rid of them."""
    checkout.bin.mkdir(parents=True)
    built = make_cli(make_program, tmp_path / "built", "exit 1", ordinary=False)
    companions.ensure(checkout, built, console)

    own = make_cli(make_program, tmp_path / "path", "exit 0", ordinary=True)
    companions.ensure(checkout, own, console)

    assert list(checkout.bin.glob("pulumi-*")) == []


def test_only_the_plugin_is_stood_in_for_when_it_cannot_be_downloaded(
    checkout: Checkout, console: Console, make_program: MakeProgram, tmp_path: Path
) -> None:
    """A real language host is used even where the plugin can't be had."""
    checkout.bin.mkdir(parents=True)
    cli = make_cli(make_program, tmp_path / "path", "echo no route >&2; exit 1", ordinary=True)

    found = companions.ensure(checkout, cli, console)

    assert found.stand_ins == ("pulumi-resource-command",)


def test_the_plugin_is_the_one_that_the_package_asks_for() -> None:
    """The pinned Python package, the plugin we install and the stand-in are of one version."""
    asked = json.loads((resources.files("pulumi_command") / "pulumi-plugin.json").read_text())

    assert asked["version"] == companions.PLUGIN == command_provider.VERSION
