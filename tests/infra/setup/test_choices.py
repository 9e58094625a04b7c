"""Choosing: flags, then the file, then an answer; and what contradicts is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from flygate.config.stack_file import NO_IMAGE, StackFile, template
from flygate.setup.choices import Choices, Flags, choose
from flygate.system.errors import ConfigError

DEFAULTS = Flags("folder-demo", "personal", ("iad",), "1")
NONE = Flags()
CHOSEN = {"app": "shop", "org": "acme", "regions": ["fra"], "phase": 2, "image": "source"}


@dataclass
class Person:
    """Answers by flag, or takes what is proposed."""

    answers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def ask(self, what: str, flag: str, default: str, check: Callable[[str], object]) -> str:
        self.asked.append(flag)
        answer = self.answers.get(flag, default)
        check(answer)
        return answer


def chosen(
    flags: Flags = NONE,
    file: StackFile | None = None,
    person: Person | None = None,
    is_local: bool = True,
) -> Choices:
    """What is chosen for `demo`, unless there is a file."""
    file = file or StackFile("demo")
    return choose(file, flags, DEFAULTS, person or Person(), is_local=is_local)


def test_what_no_flag_says_is_asked() -> None:
    """With the proposal that is taken on Enter."""
    person = Person({"--region": "fra, iad"})

    choices = chosen(Flags(org="acme"), person=person)

    assert person.asked == ["--app", "--region", "--phase"]
    assert choices == Choices("folder-demo", "acme", ("fra", "iad"), "1", image="source")


def test_with_all_flags_nothing_is_asked() -> None:
    """For scripts."""
    person = Person()
    choices = chosen(Flags("shop", "acme", ("fra",), "2"), person=person)

    assert person.asked == []
    assert choices == Choices("shop", "acme", ("fra",), "2", image="source")


def test_on_fly_an_image_is_left_to_be_built_for_this_app() -> None:
    """The local Fly runs the checkout."""
    image = chosen(Flags("shop"), is_local=False).image

    assert image == f"registry.fly.io/shop@{NO_IMAGE}"


@pytest.mark.parametrize(
    ("name", "flags", "source"),
    [
        ("prod", Flags(), "staging"),
        ("prod", Flags(image="registry.fly.io/a@sha256:" + "a" * 64), ""),
        ("eu", Flags(source="staging"), "staging"),
        ("demo", Flags(), ""),
    ],
)
def test_prod_runs_what_staging_proves(name: str, flags: Flags, source: str) -> None:
    """Unless a flag says otherwise; others only by a flag."""
    assert chosen(flags, StackFile(name)).source == source


def test_a_template_in_the_file_s_place_was_not_chosen() -> None:
    """Its values are no contradiction."""
    file = StackFile("prod", template("prod", "staging"), {"app": "my-service", "phase": "1"})

    choices = chosen(Flags("shop", phase="2"), file)

    assert (choices.app, choices.phase) == ("shop", "2")


def test_what_a_file_says_is_kept_and_not_asked_for() -> None:
    """An older one may lack something: that is asked for."""
    person = Person()
    file = StackFile("demo", "…", {"app": "shop", "phase": 2})

    choices = chosen(Flags(app="shop"), file, person)

    assert (choices.app, choices.phase) == ("shop", "2")
    assert set(person.asked) == {"--org", "--region"}


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (Flags(app="other"), "app is shop, not other"),
        (Flags(org="other"), "org is acme, not other"),
        (Flags(phase="1"), "phase is 2, not 1"),
        (Flags(regions=("iad",)), "regions are fra, not iad"),
        (Flags(source="staging"), "promotion.from is not staging"),
    ],
)
def test_a_name_that_is_taken_is_reported(flags: Flags, said: str) -> None:
    """With what differs, and without a change."""
    with pytest.raises(ConfigError, match="is another environment already") as refused:
        chosen(flags, StackFile("demo", "…", CHOSEN))

    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (Flags(app="No_Name"), "flygate:app"),
        (Flags(app="shop", phase="9"), "flygate:phase"),
        (Flags(app="shop", image="shop:latest"), "flygate:image"),
        (Flags(app="shop", image="a", source="b"), "exclude each other"),
    ],
)
def test_what_would_be_no_configuration_is_refused(flags: Flags, said: str) -> None:
    """Before anything is written."""
    with pytest.raises(ConfigError) as refused:
        chosen(flags)

    assert said in str(refused.value)
