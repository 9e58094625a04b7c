"""Faults between us and Fly: what is repeated, what is looked up, what an operator reads."""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import httpx
import pytest
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.errors import (
    ConflictError,
    FlyApiError,
    FlyError,
    InvalidRequestError,
    LocalFlyDownError,
    MachineStateError,
    NotFoundError,
    RateLimitedError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
    WaitTimeoutError,
)
from flygate.fly.retries import ATTEMPTS, OUTAGE_SECONDS, REPETITIONS, RetryBudget

TOKEN = "canary-token"
Answer = httpx.Response | Exception


class Script:
    """Answers in order, and remembers what was asked; the last answer stays."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self._answers = deque(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers[0] if len(self._answers) == 1 else self._answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def methods(self) -> list[str]:
        """`GET`, `POST`, … in the order in which they came."""
        return [request.method for request in self.asked]


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each wait would have been; none is waited for."""
    slept: list[float] = []
    real_sleep = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await real_sleep(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return slept


def client(answer: Callable[[httpx.Request], httpx.Response]) -> FlyClient:
    return FlyClient(Endpoints(token=TOKEN), transport=httpx.MockTransport(answer))


def ok(body: Any = None) -> httpx.Response:
    return httpx.Response(200, json=body)


def error(status: int, text: str = "no", **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"error": text}, headers=headers)


MACHINE = {"id": "m1", "name": "v1-iad-1"}
CREATE = {"name": "v1-iad-1", "config": {}}


async def test_a_429_is_repeated_after_a_second(naps: list[float]) -> None:
    """Fly allows one call a second of a kind: sooner would only burn the next token."""
    script = Script([error(429), error(429), ok(MACHINE)])

    async with client(script) as fly:
        made = await fly.create_machine("shop", CREATE)

    assert made.id == "m1"
    assert script.methods == ["POST", "POST", "POST"]
    assert len(naps) == 2
    assert all(nap >= 1.0 for nap in naps)


async def test_a_429_that_stays_is_an_error_in_the_end(naps: list[float]) -> None:
    """The deployment stops and says why, rather than to wait for ever."""
    script = Script([error(429, "slow down")])

    async with client(script) as fly:
        with pytest.raises(RateLimitedError, match="slow down"):
            await fly.machines("shop")

    assert len(script.asked) == ATTEMPTS == len(naps) + 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_passing_fault_of_fly_is_repeated_on_a_read(naps: list[float], status: int) -> None:
    """Reading twice does no harm."""
    script = Script([error(status), ok([])])

    async with client(script) as fly:
        assert await fly.machines("shop") == []

    assert len(naps) == 1


async def test_a_lost_connection_is_repeated_on_a_read(naps: list[float]) -> None:
    """So is an answer that never came."""
    script = Script([httpx.ReadError("reset"), httpx.ReadTimeout("slow"), ok([])])

    async with client(script) as fly:
        assert await fly.machines("shop") == []

    assert len(naps) == 2


@pytest.mark.parametrize("answer", [error(501), error(404), error(409), error(412), error(422)])
async def test_an_answer_that_a_repetition_would_not_change_stands(
    naps: list[float], answer: httpx.Response
) -> None:
    """One request, one error."""
    script = Script([answer])

    async with client(script) as fly:
        with pytest.raises(FlyApiError):
            await fly.machine("shop", "m1")

    assert (len(script.asked), naps) == (1, [])


async def test_a_verb_that_may_run_twice_is_repeated(naps: list[float]) -> None:
    """Cordon, stop, secrets: the second time changes nothing."""
    script = Script([error(503), ok({})])

    async with client(script) as fly:
        await fly.cordon("shop", "m1")

    assert script.methods == ["POST", "POST"]


async def test_an_app_whose_answer_is_lost_is_looked_up(naps: list[float]) -> None:
    """The first request may have arrived, and the second would say that the name is taken."""
    script = Script([httpx.ReadError("reset"), ok({"name": "shop"})])

    async with client(script) as fly:
        await fly.create_app("shop", "acme")

    assert script.methods == ["POST", "GET"]


async def test_an_address_whose_answer_is_lost_is_looked_up(naps: list[float]) -> None:
    """Asked for twice, the app would have two of a kind."""
    none, one = ok({"ips": [{"ip": "66.241.1.1"}]}), ok({"ips": [{"ip": "2a09::1"}]})
    script = Script([error(500), none, error(502), one])

    async with client(script) as fly:
        await fly.allocate_ip("shop", "v6")

    assert script.methods == ["POST", "GET", "POST", "GET"]


ANN = "flygate v2 by ann"
LEASE = {"nonce": "n1", "description": ANN, "expires_at": 1}


async def test_a_lease_whose_answer_is_lost_is_known_by_its_description(naps: list[float]) -> None:
    """Asked for again, our own lease would refuse us; another one's does."""
    script = Script([error(503), ok({"data": LEASE})])

    async with client(script) as fly:
        await fly.acquire_lease("shop", "m1", 15, ANN)

        assert fly.leases == {"m1": "n1"}
    assert script.methods == ["POST", "GET"]


async def test_the_lease_of_another_is_not_ours(naps: list[float]) -> None:
    """What holds the machine after an answer that was lost may be of the other who asked."""
    theirs = ok({"data": {**LEASE, "description": "flygate v2 by bob"}})
    script = Script([error(503), theirs, error(409, "held by bob"), theirs])

    async with client(script) as fly:
        with pytest.raises(ConflictError, match="held by bob"):
            await fly.acquire_lease("shop", "m1", 15, ANN)

        assert fly.leases == {}


@pytest.mark.parametrize(
    ("verb", "state"), [("start", "started"), ("start", "starting"), ("stop", "stopped")]
)
async def test_a_refusal_since_it_was_done_already_is_no_failure(
    naps: list[float], verb: str, state: str
) -> None:
    """The answer to the first request was lost."""
    script = Script(
        [error(500), error(412, "machine still active"), ok(MACHINE | {"state": state})]
    )

    async with client(script) as fly:
        await getattr(fly, verb)("shop", "m1")

    assert script.methods == ["POST", "POST", "GET"]


@pytest.mark.parametrize("status", [429, 503])
async def test_fly_is_left_alone_for_as_long_as_it_asks(naps: list[float], status: int) -> None:
    """`Retry-After`, in seconds or as a date."""
    script = Script([error(status, **{"retry-after": "7"}), ok([])])

    async with client(script) as fly:
        await fly.machines("shop")

    assert len(naps) == 1
    assert naps[0] >= 7


async def test_who_is_asked_to_wait_for_an_hour_is_informed_instead(naps: list[float]) -> None:
    """An operator can decide; a rollout that sleeps says nothing."""
    script = Script([error(429, "come back later", **{"retry-after": "3600"})])

    async with client(script) as fly:
        with pytest.raises(RateLimitedError, match="come back later"):
            await fly.machines("shop")

    assert (len(script.asked), naps) == (1, [])


async def test_an_api_that_is_down_is_reported_and_asked_once(naps: list[float]) -> None:
    """Each step of a way back would else wait for half a minute."""
    now = [0.0]
    script = Script([error(503)])
    async with client(script) as fly:
        fly._session.retry_budget = RetryBudget(clock=lambda: now[0])
        with pytest.raises(ServerError):
            await fly.machines("shop")
        now[0] = OUTAGE_SECONDS + 1
        asked = len(script.asked)

        with pytest.raises(ServerError, match=r"503.*given no answer for 61 s.*status\.flyio\.net"):
            await fly.machines("shop")

        assert len(script.asked) == asked + 1
        script._answers = deque([ok([])])
        assert await fly.machines("shop") == []
        script._answers = deque([error(503), ok([])])
        assert await fly.machines("shop") == []


async def asked_for_ever(fly: FlyClient) -> None:
    while True:
        await fly.machines("shop")


async def test_a_rollout_does_not_repeat_for_ever(naps: list[float]) -> None:
    """The way back begins with a new budget."""
    script = Script([error(503), ok([])] * REPETITIONS + [error(503)])
    async with client(script) as fly:
        with pytest.raises(ServerError, match=rf"{REPETITIONS} calls had to be repeated"):
            await asked_for_ever(fly)

        fly.retry_budget.renew()
        script._answers = deque([error(503), ok([])])
        assert await fly.machines("shop") == []


async def test_a_connection_that_was_never_made_is_always_repeated(naps: list[float]) -> None:
    """Nothing can have been applied."""
    script = Script([httpx.ConnectError("refused"), ok({})])

    async with client(script) as fly:
        await fly.create_app("shop", "acme")

    assert len(script.asked) == 2


async def test_a_local_fly_that_is_down_is_said_at_once(naps: list[float]) -> None:
    """Nothing listens there, and waiting would not change that."""
    script = Script([httpx.ConnectError("refused")])
    local = Endpoints("http://127.0.0.1:4280", "http://127.0.0.1:4280", TOKEN)

    async with FlyClient(local, httpx.MockTransport(script)) as fly:
        with pytest.raises(
            LocalFlyDownError, match=r"does not run at http://127\.0\.0\.1:4280.*make up"
        ):
            await fly.app("shop")

    assert len(script.asked) == 1
    assert naps == []


@pytest.mark.parametrize("lost", [httpx.ReadError("reset"), httpx.ReadTimeout("slow"), error(503)])
async def test_a_creation_whose_answer_is_lost_is_looked_up(
    naps: list[float], lost: Answer
) -> None:
    """Fly has no idempotency key for machines: the name is one."""
    script = Script([lost, ok([{"id": "m0", "name": "other"}, MACHINE])])

    async with client(script) as fly:
        made = await fly.create_machine("shop", CREATE)

    assert made.id == "m1"
    assert script.methods == ["POST", "GET"]


async def test_a_creation_that_never_arrived_is_made_again(naps: list[float]) -> None:
    """Only after the look-up found nothing."""
    script = Script([httpx.ReadError("reset"), ok([]), ok(MACHINE)])

    async with client(script) as fly:
        assert (await fly.create_machine("shop", CREATE)).id == "m1"

    assert script.methods == ["POST", "GET", "POST"]


@pytest.mark.parametrize("status", [409, 422])
async def test_a_first_creation_that_arrives_late_is_found(naps: list[float], status: int) -> None:
    """The second one is refused since the name is taken: by the first."""
    script = Script([httpx.ReadError("reset"), ok([]), error(status, "exists"), ok([MACHINE])])

    async with client(script) as fly:
        assert (await fly.create_machine("shop", CREATE)).id == "m1"


async def test_a_creation_that_is_refused_is_not_looked_up(naps: list[float]) -> None:
    """A refusal is clear: nothing was made."""
    script = Script([error(422, "no such image")])

    async with client(script) as fly:
        with pytest.raises(InvalidRequestError, match="no such image"):
            await fly.create_machine("shop", CREATE)

    assert script.methods == ["POST"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, UnauthorizedError),
        (403, UnauthorizedError),
        (404, NotFoundError),
        (408, WaitTimeoutError),
        (409, ConflictError),
        (412, MachineStateError),
        (418, FlyApiError),
        (422, InvalidRequestError),
        (429, RateLimitedError),
        (500, ServerError),
        (599, ServerError),
    ],
)
async def test_each_status_is_a_leaf_of_the_tree(
    naps: list[float], status: int, kind: type[FlyApiError]
) -> None:
    """Callers catch what they can handle; operators read what was asked and what Fly said."""
    script = Script([error(status, "the detail", **{"fly-request-id": "01REQUEST-iad"})])

    async with client(script) as fly:
        with pytest.raises(FlyApiError) as failure:
            await fly.machine("shop", "m1")

    assert type(failure.value) is kind
    text = str(failure.value)
    assert f"GET /v1/apps/shop/machines/m1: Fly answered {status}: the detail" in text
    assert "(request 01REQUEST-iad)" in text


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(404, json={"message": "gone"}), "gone"),
        (httpx.Response(404, json={"other": 1}), "other"),
        (httpx.Response(404, json=["odd"]), "odd"),
        (httpx.Response(404, text="plain"), "plain"),
        (httpx.Response(404), "no detail"),
    ],
)
async def test_whatever_form_an_error_has_its_text_is_shown(
    answer: httpx.Response, said: str
) -> None:
    """Fly's endpoints differ, and a proxy on the way speaks plain text."""
    async with client(Script([answer])) as fly:
        with pytest.raises(NotFoundError, match=said):
            await fly.machine("shop", "m1")


async def test_an_answer_that_is_no_json_is_an_error_of_the_tree() -> None:
    """A captive portal answers 200 with a web page."""
    page = httpx.Response(200, text="<html>Log in to the wireless network</html>")

    async with client(Script([page])) as fly:
        with pytest.raises(FlyError, match=r"GET /v1/apps/shop.*no JSON"):
            await fly.app("shop")


async def test_no_answer_says_what_to_check(naps: list[float]) -> None:
    """The variables that point to the local Fly are the usual reason."""
    async with client(Script([httpx.ConnectError("refused")])) as fly:
        with pytest.raises(UnreachableError, match=r"no answer \(ConnectError\).*FLY_API_BASE_URL"):
            await fly.machines("shop")


@pytest.mark.parametrize(
    "answer", [error(401), error(500), httpx.ReadError(TOKEN), httpx.LocalProtocolError(TOKEN)]
)
async def test_the_token_is_in_no_error(naps: list[float], answer: Answer) -> None:
    """Neither in its text nor in anything that a traceback prints."""
    script = Script([answer])

    async with client(script) as fly:
        with pytest.raises(FlyError) as failure:
            await fly.create_app("shop", "acme")
        shown = "".join(traceback.format_exception(failure.value)) + repr(failure.value) + repr(fly)

    assert script.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in shown


async def test_graphql_distinguishes_an_unknown_app_from_another_failure() -> None:
    """GraphQL answers 200 for everything."""
    unknown = ok({"data": {"app": None}, "errors": [{"message": "Could not find App"}]})
    refused = ok({"data": None, "errors": [{"message": "You must be authenticated"}]})
    old = ok({"data": {"app": {"hostname": "shop.fly.dev", "appUrl": None}}})

    async with client(Script([unknown, refused, old])) as fly:
        with pytest.raises(NotFoundError, match="Could not find App"):
            await fly.app_url("shop")
        with pytest.raises(FlyApiError, match="must be authenticated"):
            await fly.app_url("shop")
        assert await fly.app_url("shop") == "https://shop.fly.dev"
