"""What the limiter tells whoever listens. It imports no metrics library and writes no log."""

from .errors import KeyFunctionError, StoreError
from .request import Request
from .verdict import Verdict


class Listener:
    """Override what you want to hear of. Each call is made on the request's way: be quick."""

    def on_verdict(self, request: Request, verdict: Verdict) -> None:
        """A request was decided on."""

    def on_key_failure(self, policy: str, error: KeyFunctionError) -> None:
        """A policy's key function could not say whose bucket a request belongs to."""

    def on_store_call(self, seconds: float, error: StoreError | None) -> None:
        """A store outside this process was asked, and answered or failed."""

    def on_breaker(self, is_open: bool) -> None:
        """The store is not asked any more, or is asked again."""

    def on_overflow(self) -> None:
        """The memory store was full, and a decision was made by a shared bucket."""
