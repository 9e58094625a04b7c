"""Promotion from staging to prod: the receipt, and the soak that it must show.

Staging's stack exports a receipt of what runs there. `flygate promote` notes it in prod's
configuration, where it is reviewed and versioned like everything else; from then on prod runs
that image and no other, also while staging moves on.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from flygate.config.kinds import Duration
from flygate.system import duration
from flygate.system.errors import PromotionError


class Receipt(BaseModel):
    """What runs on a stack, and since when (the stack's `receipt` output).

    Attributes:
        release, manifest, image, commit: what runs there.
        healthy_since: when it had passed its gates (RFC 3339).
        gates: those that it passed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    stack: str
    release: str
    manifest: str
    image: str
    commit: str = ""
    healthy_since: AwareDatetime
    gates: tuple[str, ...] = ()

    @classmethod
    def of(cls, stack: str, newest: dict[str, Any]) -> Receipt:
        """Make the receipt of the newest entry of a stack's history."""
        return cls(
            stack=stack,
            release=newest["version"],
            manifest=newest["manifest"],
            image=newest["image"],
            commit=newest["commit"],
            healthy_since=newest["at"],
            gates=tuple(newest.get("verdicts", {})),
        )


class Promotion(BaseModel):
    """The stack runs what another one proved (`flygate:promotion`).

    Attributes:
        source: the other stack.
        soak: how long a release must have been healthy there.
        receipt: what was promoted; `flygate promote` writes this and the rest.
        at, by: when (RFC 3339), and the operator.
        override: why a release was promoted that had not soaked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    source: str = Field(alias="from")
    soak: Duration = "24h"
    receipt: Receipt | None = None
    at: AwareDatetime | None = None
    by: str = ""
    override: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Promotion:
        if (self.receipt is None) != (self.at is None):
            raise ValueError("must be written by `flygate promote`: receipt and at go together")
        return self

    @property
    def soaked(self) -> timedelta:
        """How long the release had been healthy when it was promoted."""
        if self.receipt is None or self.at is None:
            return timedelta()
        return self.at - self.receipt.healthy_since

    @property
    def needed(self) -> timedelta:
        """How long it must have been healthy."""
        return timedelta(seconds=duration.seconds(self.soak))

    def describe(self) -> str:
        """Describe it for the preview and the ledger."""
        if self.receipt is None:
            return ""
        words = f"{self.receipt.stack} {self.receipt.release}, soaked {in_words(self.soaked)}"
        if self.soaked < self.needed:
            words += f" of {self.soak}, overridden: {self.override}"
        return words


def check(promotion: Promotion, image: str) -> None:
    """Check that the image is the one that was promoted, and that it had soaked.

    Raises:
        PromotionError: names the command that corrects it.
    """
    receipt, source = promotion.receipt, promotion.source
    if receipt is None:
        raise PromotionError(
            f"Nothing was promoted from {source} yet, and this stack runs only what {source} "
            "proved. Run `flygate promote` with this stack's name."
        )
    if receipt.stack != source:
        raise PromotionError(
            f"The receipt is of {receipt.stack}, and flygate:promotion.from is {source}. "
            "Run `flygate promote` again."
        )
    if image != receipt.image:
        raise PromotionError(
            f"flygate:image is {image}; promoted was {receipt.image} ({source} "
            f"{receipt.release}). This stack runs only what {source} proved: run "
            "`flygate promote` with this stack's name, which sets both."
        )
    check_soak(promotion)


def check_soak(promotion: Promotion) -> None:
    """Check that the release was healthy for long enough, or that an override gives a reason.

    Raises:
        PromotionError: it was not.
    """
    if promotion.soaked >= promotion.needed or promotion.override:
        return
    receipt = promotion.receipt
    what = f"{receipt.stack} {receipt.release}" if receipt else promotion.source
    raise PromotionError(
        f"{what} has been healthy for {in_words(promotion.soaked)}; "
        f"flygate:promotion.soak asks for {promotion.soak}. Wait "
        f"{in_words(promotion.needed - promotion.soaked)} more, or say why not: "
        '--override "<reason>" (the ledger keeps it).'
    )


def in_words(length: timedelta) -> str:
    """Write a length in its two largest units: `26h`, `2h 5m`, `40s`."""
    left = max(0, int(length.total_seconds()))
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"
