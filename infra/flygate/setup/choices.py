"""What must be chosen for an environment: by flags, by answers, or by its file as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from flygate import config
from flygate.config.stack_file import NO_IMAGE, StackFile
from flygate.system.errors import ConfigError

PROVES = {"prod": "staging"}
SOAK = "24h"


class Interview(Protocol):
    """What answers questions: a person, or the proposals."""

    def ask(self, what: str, flag: str, default: str, check: Callable[[str], object]) -> str:
        """Return an answer that the check takes; `ConfigError` if there is none."""


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line says; empty where it says nothing.

    Attributes:
        source: the stack that proves what this one runs.
    """

    app: str = ""
    org: str = ""
    regions: tuple[str, ...] = ()
    phase: str = ""
    image: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """All that was chosen for an environment, checked as configuration.

    Attributes:
        image: empty if the stack runs what another one proved.
        source: that other stack, or empty.
    """

    app: str
    org: str
    regions: tuple[str, ...]
    phase: str
    image: str = ""
    source: str = ""

    def values(self) -> dict[str, Any]:
        """As the stack's configuration has them."""
        values: dict[str, Any] = {
            "app": self.app,
            "org": self.org,
            "regions": list(self.regions),
            "phase": self.phase,
        }
        if self.source:
            values["promotion"] = {"from": self.source, "soak": SOAK}
        elif self.image:
            values["image"] = self.image
        return values


def source_of(file: StackFile, flags: Flags) -> str:
    """The stack that proves what this one runs, or empty."""
    if flags.source:
        return flags.source
    promotion = file.values.get("promotion")
    if isinstance(promotion, Mapping):
        return str(promotion.get("from", ""))
    return "" if file.text or flags.image else PROVES.get(file.stack, "")


def choose(
    file: StackFile, flags: Flags, defaults: Flags, interview: Interview, *, is_local: bool
) -> Choices:
    """Choose all, and ask for what no flag says and no file says already.

    Args:
        defaults: what is proposed.
        is_local: it runs on the local Fly, which needs no image from a registry.

    Raises:
        ConfigError: something is wrong, lacks, or contradicts the file.
    """
    if flags.image and flags.source:
        raise ConfigError("--image and --from exclude each other: what is promoted is not chosen.")
    known = {} if file.is_template else dict(file.values)
    _check_contradictions(file, flags, known)

    def one(key: str, what: str) -> str:
        default = str(getattr(defaults, key))
        given = str(known.get(key) or getattr(flags, key))
        check = _checker(key)
        return _checked(check, given) if given else interview.ask(what, f"--{key}", default, check)

    app = one("app", "The app's name, global on Fly.io")
    source = source_of(file, flags)
    no_image = "" if source else f"registry.fly.io/{app}@{NO_IMAGE}"
    return _whole(
        Choices(
            app=app,
            org=one("org", "The organisation's slug"),
            regions=_regions(flags, defaults, known, interview),
            phase=one("phase", "The phase: 1 up to 50 tenants, 2 up to 200, 3 more"),
            image="" if source else flags.image or (config.SOURCE if is_local else no_image),
            source=source,
        )
    )


def _regions(
    flags: Flags, defaults: Flags, known: Mapping[str, Any], interview: Interview
) -> tuple[str, ...]:
    given = tuple(known.get("regions") or flags.regions)
    if given:
        _checker("regions")(",".join(given))
        return given
    default = ",".join(defaults.regions)
    what = "The regions, with commas between"
    answer = interview.ask(what, "--region", default, _checker("regions"))
    return _split(answer)


def _checker(key: str) -> Callable[[str], object]:
    """Takes an answer that would be a valid value of a key; raises ConfigError otherwise."""

    def check(text: str) -> object:
        value: Any = list(_split(text)) if key == "regions" else text
        return config.load({"app": "any-app", key: value})

    return check


def _checked(check: Callable[[str], object], text: str) -> str:
    check(text)
    return text


def _whole(choices: Choices) -> Choices:
    config.load(choices.values())
    return choices


def _check_contradictions(file: StackFile, flags: Flags, known: Mapping[str, Any]) -> None:
    """What a file says was chosen, and is changed on purpose or not at all."""
    typed = {"app": flags.app, "org": flags.org, "phase": flags.phase, "image": flags.image}
    wrong = [
        f"{key} is {known[key]}, not {text}"
        for key, text in typed.items()
        if text and key in known and str(known[key]) != text
    ]
    if flags.regions and tuple(known.get("regions") or flags.regions) != flags.regions:
        wrong.append(f"regions are {', '.join(known['regions'])}, not {', '.join(flags.regions)}")
    if known and flags.source and source_of(file, Flags()) != flags.source:
        wrong.append(f"promotion.from is not {flags.source}")
    if wrong:
        raise ConfigError(
            f"Pulumi.{file.stack}.yaml is another environment already: {'; '.join(wrong)}. "
            f"Nothing was changed. Change a value with `pulumi config set --stack {file.stack} …`, "
            "or take another name for the new environment."
        )


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
