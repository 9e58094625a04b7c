"""`flygate promote`: prod gets what staging proved."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.output import screen
from flygate.cli.stack.pin import pin_of
from flygate.cli.stack.stack import RunFailedError, Stack
from flygate.commands.orders import FORWARD
from flygate.config.promotion import Promotion, Receipt, check_soak
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.record import pinning
from flygate.record.provenance import actor
from flygate.rollout.state import LIVE, observe
from flygate.system.errors import FlygateError, PinnedError, PromotionError


def promote(
    environment: StackName,
    override: Annotated[
        str, typer.Option(help="Why it may go before it has soaked; the ledger keeps it.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be promoted, and stop.")
    ] = False,
    forward: Annotated[
        bool, typer.Option("--forward", help="End the pin that a rollback set.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="For scripts: what would be promoted, or the events.")
    ] = False,
) -> None:
    """Deploy the very image that staging runs: taken by digest, never built again.

    Which stack it comes from and how long it must have been healthy there is in the stack's
    configuration: promotion.from (staging) and promotion.soak (24h). A stack that a rollback has
    pinned stays as it is, unless you go forward with what is promoted.

    \b
    Examples:
      flygate promote prod --dry-run
      flygate promote prod
      flygate promote prod --override "fixes the outage of 14:00"
      flygate promote prod --forward

    Exit codes: 0 done, 1 refused and nothing was changed, else as those of `flygate rollback`.
    """
    claimed = screen.claim_output() if as_json and not dry_run else None
    stack = Stack(environment, events=claimed)
    promotion = _promotion(stack, override)
    if dry_run:
        _show(promotion, as_json=as_json)
    check_soak(promotion)
    if not forward:
        _check_unpinned(stack)
    if not dry_run:
        print(f"promoting {promotion.describe()} to {environment}", flush=True)
        _deploy(stack, promotion, {FORWARD: "1"} if forward else {})
        print(f"{environment} runs what {promotion.source} proved, as {_served(stack, promotion)}.")


def _promotion(stack: Stack, override: str) -> Promotion:
    """Return what would be promoted now."""
    rules = _rules(stack)
    source = Stack(rules.source)
    outputs = source.outputs()
    if not outputs.get("receipt"):
        raise PromotionError(
            f"{rules.source} has no receipt: nothing was released there. Deploy it first: "
            f"pulumi up --stack {rules.source}"
        )
    receipt = Receipt.model_validate(outputs["receipt"])
    _check_health(source, outputs["app"], receipt)
    return rules.model_copy(
        update={
            "receipt": receipt,
            "at": datetime.now(UTC).replace(microsecond=0),
            "by": actor(),
            "override": override,
        }
    )


def _rules(stack: Stack) -> Promotion:
    text = stack.config("promotion")
    values = json.loads(text) if text else {"from": "staging"}
    return Promotion.model_validate({k: values[k] for k in ("from", "soak") if k in values})


def _check_health(stack: Stack, app: str, receipt: Receipt) -> None:
    """Refuse a source that does not run what it proved, or that is not healthy.

    Raises:
        PromotionError: a machine is ill, missing or of another release.
    """
    machines = asyncio.run(_live(app, Endpoints.from_env(stack.environment)))
    ill = [m.name for m in machines if not (m.serves and m.healthy)]
    others = [m.name for m in machines if f"v{m.release}" != receipt.release]
    if not machines or ill or others:
        what = ", ".join(ill or others) or "no machine runs"
        raise PromotionError(
            f"{stack.name} is not as {receipt.release} left it: {what}. "
            f"`flygate status {stack.name}` shows the machines; "
            f"`pulumi up --stack {stack.name}` puts them right."
        )


async def _live(app: str, endpoints: Endpoints) -> list[Any]:
    async with FlyClient(endpoints) as fly:
        state = await observe(fly, app)
    return [m for m in state.machines if m.role == LIVE]


def _show(promotion: Promotion, *, as_json: bool) -> None:
    if as_json:
        print(promotion.model_dump_json(indent=2, by_alias=True))
    else:
        print(f"{promotion.describe()}\n{promotion.receipt.image if promotion.receipt else ''}")


def _check_unpinned(stack: Stack) -> None:
    """Refuse a stack that a rollback has pinned.

    Raises:
        PinnedError: it is pinned.
    """
    if pin := pin_of(stack):
        raise PinnedError(
            f"{pinning.described(stack.name, pin)} Nothing was promoted. To end the pin and deploy "
            f"what was proved: `flygate promote {stack.name} --forward`."
        )


def _served(stack: Stack, promotion: Promotion) -> str:
    """Return the release that serves, which must be the promoted one.

    Raises:
        PromotionError: it is not.
    """
    outputs = stack.outputs()
    receipt, promised = Receipt.model_validate(outputs["receipt"]), promotion.receipt
    if promised is None or receipt.image != promised.image:
        raise PromotionError(
            f"{stack.name} runs {receipt.image} as {receipt.release}, and not what "
            f"{promotion.source} proved. `flygate status {stack.name}` shows what serves."
        )
    _check_health(stack, outputs["app"], receipt)
    return receipt.release


def _deploy(stack: Stack, promotion: Promotion, orders: Mapping[str, str]) -> None:
    """Note it in the configuration and run Pulumi; a failure leaves the configuration as it was."""
    assert promotion.receipt is not None  # noqa: S101  `_promotion` sets it
    changes: dict[str, Any] = {
        "promotion": promotion.model_dump(mode="json", by_alias=True),
        "image": promotion.receipt.image,
        **({"pin": None} if orders else {}),
    }
    former = {key: stack.written(key) for key in changes}
    stack.configure(changes)
    try:
        stack.run("up", "--yes", "--skip-preview", what="The promotion", orders=orders)
    except (FlygateError, KeyboardInterrupt) as exc:
        if not (isinstance(exc, RunFailedError) and exc.is_held):
            stack.configure(former)
        raise
