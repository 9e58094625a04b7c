"""What can go wrong between Flygate and Fly.

FlyError
├── Unreachable        no answer: refused, reset, timed out
│   └── LocalFlyDownError   nothing listens where the local Fly should
└── FlyApiError        an answer that is an error
    ├── Unauthorized   401, 403
    ├── NotFound       404
    ├── WaitTimeout    408: a machine did not reach a state in time
    ├── Conflict       409: another holder has the lease, a stale version
    ├── BadState       412: the machine's state forbids the action
    ├── Invalid        400, 422
    │   └── NameTaken  the name is global on Fly, and another organisation has it
    ├── RateLimited    429
    └── ServerError    5xx
"""

from __future__ import annotations

from flygate.system.errors import FlygateError


class FlyError(FlygateError):
    """The root of the tree.

    Attributes:
        retry_after: for how many seconds Fly asks to be left alone; 0 if it says nothing.
        note: why the call was not repeated any more, or empty.
    """

    retry_after = 0.0
    note = ""

    def __str__(self) -> str:
        return f"{super().__str__()} {self.note}".rstrip()


class UnreachableError(FlyError):
    """Fly did not answer.

    Attributes:
        maybe_applied: the request may have reached Fly, so that a write must be looked up
            before it is repeated.
    """

    def __init__(self, action: str, reason: str, *, maybe_applied: bool) -> None:
        super().__init__(
            f"{action}: no answer ({reason}). Check the network, and that "
            "FLY_API_BASE_URL and FLY_FLAPS_BASE_URL are right or not set."
        )
        self.maybe_applied = maybe_applied


class LocalFlyDownError(UnreachableError):
    """Nothing listens where the local Fly should; to ask again at once would not help."""

    def __init__(self, action: str, url: str) -> None:
        FlyError.__init__(
            self, f"{action}: the local Fly does not run at {url}. Start it with `make up`."
        )
        self.maybe_applied = False


class FlyApiError(FlyError):
    """Fly answered with an error status."""

    hint = ""

    def __init__(self, action: str, status: int, detail: str, request_id: str = "") -> None:
        parts = [f"{action}: Fly answered {status}: {detail or 'no detail'}"]
        if request_id:
            parts.append(f"(request {request_id})")
        if self.hint:
            parts.append(self.hint)
        super().__init__(" ".join(parts))
        self.status = status
        self.detail = detail


class UnauthorizedError(FlyApiError):
    """401 or 403: the token is missing, wrong, or lacks the right."""

    hint = "Check FLY_API_TOKEN: it must be set, valid, and allowed to do this."


class NotFoundError(FlyApiError):
    """404: no such app, machine, lease or secret."""


class WaitTimeoutError(FlyApiError):
    """408: the machine did not reach the state within the time."""


class ConflictError(FlyApiError):
    """409: another holder has the lease, or the version is stale."""


class MachineStateError(FlyApiError):
    """412: the machine's state forbids the action."""


class InvalidRequestError(FlyApiError):
    """400 or 422: Fly refuses the request as it is."""


class NameTakenError(InvalidRequestError):
    """422: another organisation has the name, which is global on Fly."""


class RateLimitedError(FlyApiError):
    """429: too many requests of one kind."""


class ServerError(FlyApiError):
    """5xx: Fly's side."""


_BY_STATUS: dict[int, type[FlyApiError]] = {
    400: InvalidRequestError,
    401: UnauthorizedError,
    403: UnauthorizedError,
    404: NotFoundError,
    408: WaitTimeoutError,
    409: ConflictError,
    412: MachineStateError,
    422: InvalidRequestError,
    429: RateLimitedError,
}


def error_for(action: str, status: int, detail: str, request_id: str) -> FlyApiError:
    """The error of the tree that fits an answer's status."""
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else FlyApiError)
    return kind(action, status, detail, request_id)
