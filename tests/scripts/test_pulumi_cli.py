"""Which Pulumi CLI the bootstrap takes."""

import os
from pathlib import Path

import pytest

from scripts.toolchain import pulumi_build, pulumi_cli, pulumi_installer
from scripts.toolchain.checkout import Checkout
from scripts.toolchain.console import Console
from scripts.toolchain.errors import CommandError, PulumiMissingError
from scripts.toolchain.pulumi_cli import PINNED
from tests.scripts.conftest import MakeProgram

pytestmark = pytest.mark.integration


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the installer nor a build can work."""

    def fail(*_: object, **__: object) -> None:
        raise CommandError("Getting it", "the network", "no answer", "unreachable")

    monkeypatch.setattr(pulumi_installer, "install", fail)
    monkeypatch.setattr(pulumi_build, "build", fail)


def version(number: str) -> str:
    return f"echo v{number}"


@pytest.mark.usefixtures("offline")
def test_the_users_own_is_taken_when_it_is_new_enough(
    checkout: Checkout, console: Console, make_program: MakeProgram, tmp_path: Path
) -> None:
    """An ordinary installation is used as it is, and linked where our PATH finds it."""
    own = make_program(tmp_path / "path" / "pulumi", version("4.0.1"))

    cli = pulumi_cli.ensure(checkout, console)

    assert (cli.path, cli.version) == (own, "4.0.1")
    assert (checkout.bin / "pulumi").resolve() == own


@pytest.mark.usefixtures("offline")
def test_an_installation_beside_the_path_is_found(
    checkout: Checkout, console: Console, make_program: MakeProgram, tmp_path: Path
) -> None:
    """Pulumi's installer puts it under the home folder; the shell may not know of it yet."""
    own = make_program(tmp_path / "home" / ".pulumi" / "bin" / "pulumi", version(PINNED))

    assert pulumi_cli.ensure(checkout, console).path == own


@pytest.mark.usefixtures("offline")
def test_a_cached_one_is_taken_before_anything_is_downloaded(
    checkout: Checkout, console: Console, make_program: MakeProgram
) -> None:
    """What one checkout built serves the next."""
    cached = checkout.cache / "pulumi" / f"{PINNED}-built" / "bin" / "pulumi"
    make_program(cached, version(PINNED))

    assert pulumi_cli.ensure(checkout, console).path == cached


@pytest.mark.usefixtures("offline")
def test_our_own_link_is_not_the_users_installation(
    checkout: Checkout, console: Console, make_program: MakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell that sourced our env file does not make us find ourselves."""
    make_program(checkout.bin / "pulumi", version(PINNED))
    monkeypatch.setenv("PATH", f"{checkout.bin}:/usr/bin:/bin")

    with pytest.raises(PulumiMissingError):
        pulumi_cli.ensure(checkout, console)


@pytest.mark.usefixtures("offline")
def test_when_nothing_works_it_says_what_was_tried(
    checkout: Checkout, console: Console, make_program: MakeProgram, tmp_path: Path
) -> None:
    """The message lists every way with its reason, and what to do."""
    old = make_program(tmp_path / "path" / "pulumi", version("3.1.0"))

    with pytest.raises(PulumiMissingError) as missing:
        pulumi_cli.ensure(checkout, console)

    said = str(missing.value)
    assert f"{old}: is version 3.1.0" in said
    assert "Pulumi's installer: unreachable" in said
    assert "building the Go module: unreachable" in said
    assert "Install it" in said


def test_the_installer_fills_the_cache_alone(
    checkout: Checkout, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The installer leaves the user's installation and shell files alone."""
    script = tmp_path / "install.sh"
    script.write_text(
        'echo "$@" > "$HOME/options"; mkdir -p "$4/bin"\n'
        f'printf "#!/bin/sh\\necho v{PINNED}\\n" > "$4/bin/pulumi"; chmod +x "$4/bin/pulumi"\n'
    )
    (tmp_path / "home").mkdir()
    install = pulumi_installer.install
    monkeypatch.setattr(
        pulumi_installer,
        "install",
        lambda number, folder, seen: install(number, folder, seen, installer=script.as_uri()),
    )

    cli = pulumi_cli.ensure(checkout, console)

    options = (tmp_path / "home" / "options").read_text()
    assert cli.path.is_relative_to(checkout.cache)
    assert options.startswith(f"--version {PINNED} --install-root {checkout.cache}")
    assert "--no-edit-path" in options
    assert os.listdir(tmp_path / "home") == ["options"]


def test_a_broken_result_never_gets_the_name(
    checkout: Checkout, console: Console, make_program: MakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installation that ends early is not found by the next bootstrap."""

    def install(number: str, folder: Path, *_: object) -> None:
        make_program(folder / "bin" / "pulumi", "exit 1")

    def build(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pulumi_installer, "install", install)
    monkeypatch.setattr(pulumi_build, "build", build)

    with pytest.raises(KeyboardInterrupt):
        pulumi_cli.ensure(checkout, console)

    assert list((checkout.cache / "pulumi").iterdir()) == []


def test_the_go_module_pins_the_same_version() -> None:
    """The version that is looked for is the one that a build makes."""
    module = Path(pulumi_build.__file__).parent / "pulumi" / "go.mod"

    assert f"github.com/pulumi/pulumi/pkg/v3 v{PINNED}" in module.read_text()
