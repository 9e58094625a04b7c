"""One leg of a request's way: to which app and machine, why, and what was tried."""

from dataclasses import dataclass, replace

from localfly.proxy.backend import Backend
from localfly.proxy.replay_cache import Remembered
from localfly.proxy.replay_order import ReplayOrder
from localfly.proxy.selector import ANY, Selector


@dataclass(frozen=True, slots=True)
class Source:
    """The machine whose answer sent the request on."""

    machine_id: str
    app: str
    region: str
    at_microseconds: int


@dataclass(slots=True)
class Leg:
    """One leg. A replay, and the way back from one, is another leg."""

    app: str
    here: str  # the region where the request came in
    selector: Selector = ANY
    source: Source | None = None
    order: ReplayOrder | None = None
    remembered: Remembered | None = None
    replays: int = 0
    skips_cache: bool = False
    failure: str = ""  # of a replay that came back to its source
    tried: frozenset[Backend] = frozenset()  # without success
    woken: frozenset[str] = frozenset()  # for this request, by id
    attempts: int = 0

    @property
    def is_fallback(self) -> bool:
        return bool(self.failure)

    def headers_for(self, machine_id: str) -> bytes:
        """Return the headers that describe the request's way to the machine."""
        if self.source is None and self.remembered is None and not self.selector.prefer:
            return b""
        lines = []
        if self.selector.prefer and self.selector.prefer != machine_id:
            lines.append(f"fly-preferred-instance-unavailable: {self.selector.prefer}\r\n")
        if self.remembered:
            lines.append("fly-replay-cache-status: hit\r\n")
        elif self.is_fallback:
            lines.append(f"fly-replay-failed: {self.failure}\r\n")
        elif self.source and self.order:
            status = "bypass" if self.skips_cache else "miss"
            lines.append(f"fly-replay-cache-status: {status}\r\n")
            lines.append(f"fly-replay-src: {_source_text(self.source, self.order.state)}\r\n")
        return "".join(lines).encode("latin-1")

    def replayed(self, order: ReplayOrder, source: Source) -> "Leg":
        """Return the leg that an order asks for."""
        selector = (
            replace(order.selector, avoid=source.machine_id) if order.elsewhere else order.selector
        )
        return Leg(
            app=order.app or source.app,
            here=self.here,
            selector=selector,
            source=source,
            order=order,
            replays=self.replays + 1,
            skips_cache=self.skips_cache,
        )

    def fallback(self, reason: str, elapsed_seconds: float) -> "Leg | None":
        """Return the way back to the machine that ordered a failed replay, if its order has a
        fallback.
        """
        source, order = self.source, self.order
        if source is None or order is None or not order.fallback or self.is_fallback:
            return None
        me = source.machine_id
        return Leg(
            app=source.app,
            here=self.here,
            selector=Selector(force=me) if order.fallback == "force_self" else Selector(prefer=me),
            source=source,
            order=order,
            replays=self.replays,
            failure=(
                f"instance={order.selector.force or order.selector.prefer};app={self.app};"
                f"region={','.join(order.selector.regions)};replay_source={me};reason={reason};"
                f"elapsed_ms={elapsed_seconds * 1000:.0f}"
            ),
        )


def _source_text(source: Source, state: str) -> str:
    text = f"instance={source.machine_id};region={source.region};t={source.at_microseconds}"
    return f"{text};state={state}" if state else text
