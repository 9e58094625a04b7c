"""`ReleaseInputs`: what the release Command gets, and what its run will decide about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from flygate.commands.inspection import Inspection
from flygate.commands.orders import Orders
from flygate.commands.preview import Preview
from flygate.commands.request import ReleaseRequest
from flygate.config.redis import URL
from flygate.program import inputs
from flygate.program.desired_stack import DesiredStack
from flygate.record import bounds
from flygate.record.stack_record import StackRecord


@dataclass(frozen=True, slots=True)
class ReleaseInputs:
    """Attributes:
    owner: the label of this stack.
    redis_url: of the Redis that is attached; None if none is.
    """

    desired: DesiredStack
    recorded: StackRecord
    observed: Inspection
    owner: str
    redis_url: pulumi.Input[str] | None

    @property
    def request(self) -> dict[str, Any]:
        """The public half: the manifest, or no more than the pin while there is one."""
        stack, manifest = self.desired.stack, self.desired.manifest
        common: dict[str, Any] = {"app": stack.app, "owner": self.owner}
        if stack.takeover:
            common["takeover"] = stack.takeover
        if stack.rollout.hooks.env:
            common["hooks_env"] = list(stack.rollout.hooks.env)
        drift, attached = self.observed.drift, sorted(self._attached)
        if manifest is None:
            assert stack.pin is not None  # noqa: S101  there is a manifest unless there is a pin
            pin = stack.pin.model_dump(mode="json")
            return {**common, "pin": pin, "drift": drift, "attached": attached}
        request = {
            **common,
            "manifest": manifest.with_secrets(attached).model_dump(mode="json"),
            "source": self.desired.source,
            "drift": drift,
        }
        promoted = stack.promotion.describe() if stack.promotion else ""
        return {**request, "promotion": promoted} if promoted else request

    @property
    def variables(self) -> dict[str, pulumi.Output[str]]:
        """The secret half: variables of the operation's environment."""
        values = {**self.desired.kept_secrets, **self._attached}
        found = {bounds.SECRETS_VARIABLE: inputs.sealed(values)}
        pin = self.desired.stack.pin
        if pin and (restored := self.recorded.values_of(pin)):
            found[bounds.RESTORED_VARIABLE] = inputs.sealed(restored)
        return found

    @property
    def preview(self) -> Preview:
        """What the operation will find, and so decide."""
        # A value that only the deployment will know differs from every former one.
        known = {
            name: value if isinstance(value, str) else "" for name, value in self._attached.items()
        }
        ledger = self.recorded.ledger
        return Preview(
            ReleaseRequest.model_validate(self.request),
            {**self.desired.kept_secrets, **known},
            ledger.model_copy(update={"key": ledger.key or self.observed.key}),
            self.observed.live,
            Orders.from_env(),
        )

    @property
    def _attached(self) -> dict[str, pulumi.Input[str]]:
        """The secrets that follow a live resource."""
        return {} if self.redis_url is None else {URL: self.redis_url}
