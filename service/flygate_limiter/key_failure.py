"""What a request is charged while an application's key function fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flygate_limiter.charge import Charge, Failure
from flygate_limiter.decision import Decision
from flygate_limiter.errors import KeyFunctionError
from flygate_limiter.events import Listener
from flygate_limiter.quota import NANOS
from flygate_limiter.request import Request
from flygate_limiter.verdict import Verdict

from .policies.policy import Mode, Policy
from .source import Source

_WAIT_NS: Final = NANOS


def charge_without_keys(
    request: Request, policies: Sequence[Policy], listeners: Sequence[Listener]
) -> tuple[list[Policy], list[Charge]]:
    """Return what to charge by the policies' `failure`, as for a store that fails.

    With `fair_share` the client has a bucket by its address; with `open` the policy is left out.

    Raises:
        KeyFunctionError: with `closed`.
    """
    charged: list[tuple[Policy, Charge]] = []
    closed: KeyFunctionError | None = None
    for policy in policies:
        try:
            charged.append((policy, policy.charge(request)))
        except KeyFunctionError as exc:
            for listener in listeners:
                listener.on_key_failure(policy.name, exc)
            if policy.failure is Failure.FAIR_SHARE:
                charged.append((policy, policy.charge_for(request.client, request)))
            elif _is_closed(policy):
                closed = exc
    if closed is not None:
        raise closed
    return [policy for policy, _ in charged], [charge for _, charge in charged]


def closed_without_keys(policies: Sequence[Policy]) -> Verdict:
    """Return the refusal by policies whose key function fails."""
    results = tuple(
        (policy, Decision(False, _WAIT_NS, policy.quota.capacity_ns, policy.quota))
        for policy in policies
        if _is_closed(policy)
    )
    return Verdict(False, results, Source.FAILED_CLOSED)


def _is_closed(policy: Policy) -> bool:
    return policy.failure is Failure.CLOSED and policy.mode is Mode.ENFORCE
