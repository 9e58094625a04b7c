"""The events of the limiter. It imports no metrics library and writes no log."""

from .errors import KeyFunctionError, StoreError
from .request import Request
from .verdict import Verdict


class Listener:
    """Override what you need. Each call delays a request: be quick."""

    def on_verdict(self, request: Request, verdict: Verdict) -> None:
        """Note the decision on a request."""

    def on_key_failure(self, policy: str, error: KeyFunctionError) -> None:
        """Note that a policy's key function gave no key for a request."""

    def on_store_call(self, seconds: float, error: StoreError | None) -> None:
        """Note a call of a store outside this process, which answered or failed."""

    def on_breaker(self, is_open: bool) -> None:
        """Note that the store is not asked any more, or is asked again."""

    def on_overflow(self) -> None:
        """Note a decision of a shared bucket: the memory store was full."""
