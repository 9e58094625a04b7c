"""The body of a refusal: RFC 9457 problem details."""

import json
from dataclasses import dataclass
from typing import Final

from .source import Source
from .verdict import Verdict

CONTENT_TYPE: Final = b"application/problem+json"
_TYPES: Final = "https://iana.org/assignments/http-problem-types"
_QUOTA_EXCEEDED: Final = f"{_TYPES}#quota-exceeded"
_REDUCED_CAPACITY: Final = f"{_TYPES}#temporary-reduced-capacity"


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal, ready to be sent."""

    status: int
    body: bytes


def problem_for(verdict: Verdict) -> Problem:
    """Return a 429 with the wait; 422 if the request can never fit, since waiting does not help.

    503 if the store could not be asked and the policy fails closed.
    """
    names = [policy.name for policy, _ in verdict.violated]
    if verdict.source is Source.DENY_LIST:
        return _problem(403, "Forbidden", "This address is refused.", names, "about:blank")
    if verdict.source is Source.FAILED_CLOSED:
        detail = "The limit cannot be checked at the moment. Try again soon."
        return _problem(503, "Reduced capacity", detail, names, _REDUCED_CAPACITY)
    if verdict.can_never_fit:
        detail = "The request costs more than the quota ever holds. Ask for less at once."
        return _problem(422, "Request larger than the quota", detail, names)
    wait = verdict.retry_after_seconds
    detail = f"Try again in {wait} second{'' if wait == 1 else 's'}."
    return _problem(429, "Quota exceeded", detail, names)


def _problem(
    status: int, title: str, detail: str, names: list[str], kind: str = _QUOTA_EXCEEDED
) -> Problem:
    members = {
        "type": kind,
        "title": title,
        "status": status,
        "detail": detail,
        "violated-policies": names,
    }
    return Problem(status, json.dumps(members).encode())
