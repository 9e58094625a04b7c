"""Whether traffic may come: what /readyz answers, and what a drain turns off."""


class Readiness:
    """Not ready until started, and never again once draining."""

    __slots__ = ("draining", "started")

    def __init__(self) -> None:
        """Begin before the start."""
        self.started = False
        self.draining = False

    @property
    def is_ready(self) -> bool:
        """Whether new requests are welcome."""
        return self.started and not self.draining

    @property
    def word(self) -> str:
        """The state in one word."""
        if self.draining:
            return "draining"
        return "ready" if self.started else "starting"
