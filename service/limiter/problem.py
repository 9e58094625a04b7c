"""The body of a refusal: RFC 9457 problem details."""

import json
from dataclasses import dataclass
from typing import Final

from .verdict import Verdict

CONTENT_TYPE: Final = b"application/problem+json"
_QUOTA_EXCEEDED: Final = "https://iana.org/assignments/http-problem-types#quota-exceeded"


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal, ready to be sent."""

    status: int
    body: bytes


def problem_for(verdict: Verdict) -> Problem:
    """429 with the wait; or 422 if the request can never fit, since waiting would not help."""
    names = [policy.name for policy, _ in verdict.violated]
    if verdict.can_never_fit:
        detail = "The request costs more than the quota ever holds. Ask for less at once."
        return _problem(422, "Request larger than the quota", detail, names)
    wait = verdict.retry_after_seconds
    detail = f"Try again in {wait} second{'' if wait == 1 else 's'}."
    return _problem(429, "Quota exceeded", detail, names)


def _problem(status: int, title: str, detail: str, names: list[str]) -> Problem:
    members = {
        "type": _QUOTA_EXCEEDED,
        "title": title,
        "status": status,
        "detail": detail,
        "violated-policies": names,
    }
    return Problem(status, json.dumps(members).encode())
