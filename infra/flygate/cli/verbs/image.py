"""`flygate image`: the container image that machines on Fly.io run."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Annotated, TextIO

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.output import screen
from flygate.cli.stack.stack import Stack
from flygate.config import PROJECT, StackConfig, load
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.images.build_context import BuildContext
from flygate.images.builder import PLATFORM, Builder, BuildRequest
from flygate.images.docker import Docker
from flygate.images.flyctl import Flyctl
from flygate.images.registry import FLY, Registry
from flygate.images.revision import Revision
from flygate.images.source_files import SourceFiles, named
from flygate.system.errors import ConfigError, ImageError, PromotionError

commands = typer.Typer(no_args_is_help=True, help="The image that machines on Fly.io run.")
# With one command only, typer would leave its name out.
commands.callback()(lambda: None)


@commands.command(
    context_settings={"allow_extra_args": True}, short_help="Build the image, and push it."
)
def build(  # noqa: PLR0913, PLR0917 (each is an option of its own)
    context: typer.Context,
    environment: StackName,
    push: Annotated[
        bool, typer.Option("--push", help="Push it, and set it by digest in the stack's config.")
    ] = False,
    remote: Annotated[
        bool, typer.Option("--remote", help="Build on Fly, with flyctl; this pushes.")
    ] = False,
    platform: Annotated[str, typer.Option(help="What it shall run on.")] = PLATFORM,
    create_app: Annotated[
        bool, typer.Option("--create-app", help="Make the app first if there is none.")
    ] = False,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="Push what no commit describes.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="For scripts: what came of it, on standard output.")
    ] = False,
) -> None:
    """Build the image of a stack's sources; with --push, what `pulumi up` will run next.

    What follows `--` is handed to `docker build` as it is. Staging builds, prod promotes: a stack
    that runs what another one proved is refused.

    \b
    Examples:
      flygate image build staging                     build it here and keep it here
      flygate image build --push staging              push it, and set flygate:image
      flygate image build --remote staging            the same without a Docker of your own
      flygate image build staging -- --build-arg BASE=python:3.12-slim

    Exit codes: 0 done, 1 not done, and the stack's configuration is as it was.
    """
    output = screen.claim_output() if as_json else sys.stdout
    stack, began = Stack(environment), time.monotonic()
    settings, push = _settings(stack), push or remote
    registry = _registry(stack) if push else None
    sources = BuildContext(stack.root, settings.source)
    request = _request(stack, settings, sources, registry, platform, tuple(context.args))
    builder = _builder(stack, registry, remote=remote)
    builder.check()
    if push:
        _check_pushable(stack, settings)
        if not allow_dirty:
            _check_committed(request, sources.sources)
        asyncio.run(_check_app(stack, settings, create=create_app))
    print(f"building {request.name} with {builder.name}", file=sys.stderr)
    for line in sources.sources.notes():
        print(f"warning: {line}", file=sys.stderr)
    with sources.laid_out() as folder:
        builder.build(request, folder)
    image = f"{request.repository}@{builder.push(request)}" if push else None
    if image:
        stack.edit(("set", "image", image))
    _report(output, request, image, stack, seconds=time.monotonic() - began, as_json=as_json)


def _settings(stack: Stack) -> StackConfig:
    """The stack's configuration, without its secrets."""
    found = json.loads(stack.ask("config", "--json"))
    prefix = f"{PROJECT}:"
    return load(
        {
            key.removeprefix(prefix): entry["value"]
            for key, entry in found.items()
            if key.startswith(prefix) and "value" in entry
        }
    )


def _registry(stack: Stack) -> Registry:
    return Registry.of(Endpoints.from_env(stack.environment), stack.environment)


def _request(
    stack: Stack,
    settings: StackConfig,
    context: BuildContext,
    registry: Registry | None,
    platform: str,
    extra: tuple[str, ...],
) -> BuildRequest:
    revision = Revision.read(stack.root, context.inputs)
    host = registry.host if registry else FLY
    return BuildRequest(
        settings.app, f"{host}/{settings.app}:{revision.tag}", revision, platform, extra
    )


def _builder(stack: Stack, registry: Registry | None, *, remote: bool) -> Builder:
    if remote and registry:
        return Flyctl(stack.environment, registry)
    return Docker(stack.environment, registry)


def _check_pushable(stack: Stack, settings: StackConfig) -> None:
    """This stack may get an image of its own.

    Raises:
        PromotionError: the stack runs what another one proved.
    """
    if settings.promotion is not None:
        raise PromotionError(
            f"{stack.name} runs what {settings.promotion.source} proved, so it gets no image of "
            f"its own. Build for {settings.promotion.source}, then `flygate promote {stack.name}`."
        )


def _check_committed(request: BuildRequest, sources: SourceFiles) -> None:
    """A commit describes the image, and it has all that lies in the folders here.

    Raises:
        ImageError: this image could not be built again.
    """
    if request.revision.is_dirty:
        new = f": {named(sources.untracked)} is not in git" if sources.untracked else ""
        raise ImageError(
            "What goes into the image differs from what is committed, so it could not be built "
            f"again{new}. Commit it (`git status` shows what); or push it nevertheless, under the "
            f"tag {request.revision.tag}, with --allow-dirty."
        )
    if sources.ignored:
        raise ImageError(
            f"Git ignores {named(sources.ignored)}, so the image does not have it, and what runs "
            "here may not run there. Move it out of the folders of flygate:source, or let git have "
            "it; or push without it, with --allow-dirty."
        )


async def _check_app(stack: Stack, settings: StackConfig, *, create: bool) -> None:
    """The app is there: the registry has a repository for each app, and no other.

    Raises:
        ConfigError: it is not.
        FlyError: Fly refuses to show it, or to make it.
    """
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        if await fly.app(settings.app) is not None:
            return
        if not create:
            raise ConfigError(
                f"There is no app {settings.app} yet, and so nowhere to push its image. Run this "
                "again with --create-app: it makes the app, without a machine."
            )
        await fly.create_app(settings.app, settings.org)
        print(f"made the app {settings.app} in {settings.org}", file=sys.stderr)


def _report(
    output: TextIO,
    request: BuildRequest,
    image: str | None,
    stack: Stack,
    *,
    seconds: float,
    as_json: bool,
) -> None:
    if as_json:
        found = {
            "name": request.name,
            "image": image,
            "commit": request.revision.commit,
            "dirty": request.revision.is_dirty,
            "seconds": round(seconds, 1),
        }
        print(json.dumps(found), file=output, flush=True)
    elif image:
        print(f"pushed {image} in {seconds:.0f} s; Pulumi.{stack.name}.yaml says so.")
        print(f"Next: pulumi up --stack {stack.name}")
    else:
        print(f"built {request.name} in {seconds:.0f} s. Nothing was pushed: --push does.")
