"""`Pairing`: what fly.toml says of a process group, held against a stack."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flygate_wire.settings import SCHEMA, Problem, Secret, problems

from flygate.config import StackConfig
from flygate.config.refusal import shortened
from flygate.config.web_service import services, speaks_http
from flygate.flytoml import FlyToml
from flygate.flytoml.lines import Path
from flygate.flytoml.notices import Notice, Notices

_DOCKERFILES: Final = ("Dockerfile", "./Dockerfile")


class Pairing:
    """One file with one stack, and what there is to say of the two."""

    def __init__(
        self,
        file: FlyToml,
        stack: StackConfig,
        config: Mapping[str, Any],
        secrets: frozenset[str],
        notices: Notices,
    ) -> None:
        self.file = file
        self.stack = stack
        self.config = config
        self.env: Mapping[str, str] = config.get("env", {})
        self.secrets = secrets
        self.notices = notices

    def _unbuilt(self) -> Iterator[tuple[str, str]]:
        """Yield the keys of `[build]` that `flygate image build` ignores, with the reason."""
        build = self.file.values.build
        if build is None:
            return
        if build.image and build.image != self.stack.image:
            yield "image", f"what runs is flygate:image, which is {self.stack.image}."
        if build.dockerfile and build.dockerfile not in _DOCKERFILES:
            yield "dockerfile", "the image is made by the Dockerfile at the root."
        for key in ("builder", "buildpacks", "builtin", "settings", "args", "ignorefile"):
            if getattr(build, key):
                yield key, "the image is made of flygate:source, by the Dockerfile at the root."
        if build.build_target:
            yield "build-target", "the image is the last stage of the Dockerfile."

    def _web_index(self) -> int:
        return next((i for i, one in enumerate(services(self.config)) if speaks_http(one)), 0)

    def _problems(self) -> Iterator[Problem]:
        """Yield what the service refuses of the variables that a person has set."""
        given = {**self.file.values.env, **self.stack.env}
        for problem in problems(self.env):
            if problem.variable.value in given:
                yield problem

    def _where(self, name: str) -> str:
        """Say where a variable is set."""
        if name in self.stack.env:
            return f"flygate:env.{name}"
        return f"line {self.file.line('env', name)}"

    def _refuse_variable(self, name: str, text: str) -> None:
        """Refuse a variable at its place: the stack's variables win over the file's."""
        if name in self.stack.env:
            self.notices.refusals.append(Notice(None, f"flygate:env.{text}", is_of_the_stack=True))
        else:
            self._refuse(("env", name), f"env.{text}")

    def _note_variable(self, name: str, text: str) -> None:
        """Note something about a variable at its place."""
        if name in self.stack.env:
            self.notices.notes.append(Notice(None, f"flygate:env.{text}", is_of_the_stack=True))
        else:
            self._note(("env", name), f"env.{text}")

    def _refuse(self, path: Path, text: str) -> None:
        self.notices.refuse(self.file.line(*path), text)

    def _note(self, path: Path, text: str) -> None:
        self.notices.note(self.file.line(*path), text)


def refusal(problem: Problem) -> str:
    """Say what the service refuses of a variable, without a secret's value."""
    name, found, allowed = problem.variable.value, problem.found, problem.allowed
    is_hidden = isinstance(SCHEMA[problem.variable], Secret)
    shown = "too short" if is_hidden else shortened(json.dumps(found))
    return f"{name} is {shown}; the service takes {allowed}. Set that, or remove it."
