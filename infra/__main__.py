"""The Pulumi program: a table of contents.

`pulumi up` → this → `config` → `manifest` → `components` → `flygate op …` (see `infra/ops`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi

from infra import config, flytoml, image, inputs, manifest, preview, promotion
from infra.components.app import FlyApp
from infra.components.command import read_only
from infra.components.release import Release
from infra.config import StackConfig
from infra.errors import FlygateError
from infra.manifest import Manifest
from infra.previewed import Previewed
from infra.promotion import Receipt

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Declare the stack."""
    raw = inputs.raw()
    stack, secrets = config.load(raw), config.load_secrets(raw)
    _announce(stack)
    if stack.promotion and not stack.pin:
        promotion.check(stack.promotion, stack.image)
    wanted = None if stack.pin else _manifest(stack, sorted(secrets))
    seen = _look(stack, wanted)
    if wanted:
        _tell_plan(stack, wanted, secrets, seen)
    drift = seen["drift"]
    app = FlyApp("app", stack, drift)
    release = Release(
        "release",
        _request(stack, wanted, drift),
        inputs.sealed(_kept(stack, secrets) if stack.pin else secrets),
        opts=pulumi.ResourceOptions(depends_on=[app]),
    )
    pulumi.export("app", stack.app)
    pulumi.export("url", app.url)
    pulumi.export("phase", release.history.apply(lambda past: _newest(past, "phase")))
    pulumi.export("release", release.history.apply(lambda past: _newest(past, "version")))
    pulumi.export("image", release.history.apply(lambda past: _newest(past, "image")))
    pulumi.export("receipt", release.history.apply(_receipt))
    pulumi.export("machines", release.history.apply(lambda past: _newest(past, "machines")))
    pulumi.export("pin", stack.pin.model_dump() if stack.pin else None)
    pulumi.export("running", release.running)
    # Not secret at all, but long: as a secret it takes one line of Pulumi's screen.
    pulumi.export("history", pulumi.Output.secret(release.history))


def _kept(stack: StackConfig, secrets: Mapping[str, str]) -> dict[str, str]:
    """What a rollback leaves as it is."""
    return {name: value for name, value in secrets.items() if name in stack.owners}


def _manifest(stack: StackConfig, secret_names: list[str]) -> Manifest:
    source = _source(stack)
    reference = image.pack(ROOT, source).reference(stack.app) if source else stack.image
    return manifest.build(stack, flytoml.read(ROOT / "fly.toml"), reference, secret_names)


def _source(stack: StackConfig) -> list[str]:
    return list(stack.source) if stack.image == config.SOURCE else []


def _look(stack: StackConfig, wanted: Manifest | None) -> dict[str, Any]:
    """What is live now; what moved between the preview and the update stops it."""
    request = {"app": stack.app, "manifest": wanted.model_dump(mode="json") if wanted else None}
    seen = read_only("look", request)
    note = Previewed(ROOT, stack.app)
    if pulumi.runtime.is_dry_run():
        note.forget()
    else:
        note.check(seen["state"])
    _say(stack, seen, [f"found: {line}" for line in seen["found"]])
    return seen


def _say(stack: StackConfig, seen: Mapping[str, Any], lines: Sequence[str]) -> None:
    """Print lines, and note them for `flygate plan`."""
    for line in lines:
        pulumi.log.info(line)
    if pulumi.runtime.is_dry_run():
        note = Previewed(ROOT, stack.app)
        note.write(seen["state"], [*note.lines, *lines])


def _tell_plan(
    stack: StackConfig, wanted: Manifest, secrets: Mapping[str, str], seen: Mapping[str, Any]
) -> None:
    """Say what would change, against what this stack's last deployment left in its outputs."""
    names = (pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack())
    itself = pulumi.StackReference("/".join(names))

    def tell(left: str | None) -> None:
        running = preview.Running.parse(left)
        drifted = bool(seen["found"])
        _say(stack, seen, preview.lines(running, wanted, secrets, seen["plan"], drifted))

    itself.get_output("running").apply(tell)


def _request(stack: StackConfig, wanted: Manifest | None, drift: str) -> dict[str, Any]:
    """What the release Command gets: the manifest, or no more than the pin while there is one."""
    if stack.pin:
        return {"app": stack.app, "pin": stack.pin.model_dump(mode="json"), "drift": drift}
    assert wanted is not None  # noqa: S101  there is one unless there is a pin
    request = {
        "app": stack.app,
        "manifest": wanted.model_dump(mode="json"),
        "source": _source(stack),
        "drift": drift,
    }
    promoted = stack.promotion.describe() if stack.promotion else ""
    return {**request, "promotion": promoted} if promoted else request


def _announce(stack: StackConfig) -> None:
    if stack.pin:
        why = f": {stack.pin.reason}" if stack.pin.reason else ""
        pulumi.log.warn(
            f"pinned to {stack.pin.version} by {stack.pin.by}{why}. The checkout is not deployed; "
            f"`flygate forward {pulumi.get_stack()}` ends the pin."
        )
        return
    if stack.promotion:
        pulumi.log.info(f"promoted: {stack.promotion.describe()}")
    row = stack.row
    machines = stack.machines or row.machines
    cost = row.monthly_cost(max(1, len(stack.regions)), machines)
    each = f"{machines} machine" + ("s" if machines > 1 else "")
    pulumi.log.info(
        f"phase {row.number} ({row.name}): {each} of {row.memory_mb} MB in each region, "
        f"limits in {row.storage}; at most about ${cost:.2f} a month"
    )


def _receipt(history: list[dict[str, Any]]) -> dict[str, Any] | None:
    if not history:
        return None
    return Receipt.of(pulumi.get_stack(), history[0]).model_dump(mode="json")


def _newest(history: list[dict[str, Any]], key: str) -> Any:
    return history[0][key] if history else None


try:
    main()
except FlygateError as exc:
    # A configuration error is for the operator, who has no use for our stack trace.
    raise pulumi.RunError(str(exc)) from None
