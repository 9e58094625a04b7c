"""What the real flyctl sends for its commands, recorded, is answered with what it needs."""

from pathlib import Path

import pytest
from localfly.daemon.local_fly import LocalFly

from tests.support.localfly import clients
from tests.support.recordings import Replay, missing, read_documents, read_recording

FOLDER = Path(__file__).with_name("flyctl")
RECORDINGS = sorted(FOLDER.glob("*.json"))
# flyctl's commands that Flygate promises to work on an app that it deployed.
COMMANDS = (
    *("apps list", "apps create", "apps destroy", "status", "machine list", "machine status"),
    *("machine stop", "machine start", "machine restart", "machine cordon", "machine uncordon"),
    *("machine update", "machine clone", "machine exec", "machine run", "machine destroy"),
    *("machine leases view", "secrets list", "secrets set", "secrets unset", "scale show"),
    *("scale count", "scale vm", "releases", "redis list", "redis status", "redis create"),
    *("redis plans", "redis destroy", "ips list", "ips allocate-v6", "ips allocate-v4"),
    *("logs", "config show", "checks list", "image show", "volumes list", "orgs list"),
    *("auth whoami", "platform regions"),
)


@pytest.mark.integration
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
async def test_recorded_requests_are_answered(path: Path, tmp_path: Path) -> None:
    """Command by command, request by request."""
    async with (
        LocalFly(tmp_path) as fly,
        clients(fly.api_url, fly.proxy_url) as (api, _),
    ):
        replay = Replay(api, read_documents(FOLDER / "documents.graphql"))
        for command in read_recording(path)["commands"]:
            for number, request in enumerate(command["requests"], 1):
                try:
                    await replay.play(request)
                except (AssertionError, KeyError, TimeoutError) as exc:
                    what = request.get("send") or f"gql {request['gql']}"
                    pytest.fail(f"fly {command['command']}: request {number}, {what}: {exc}")


def test_every_command_was_recorded() -> None:
    """None of those that flyctl's users need is missing."""
    recorded = [c["command"] for path in RECORDINGS for c in read_recording(path)["commands"]]
    assert [name for name in COMMANDS if not any(c.startswith(name) for c in recorded)] == []
    deployed = {word for c in recorded if c.startswith("deploy") for word in c.split()}
    assert {"canary", "rolling", "bluegreen", "immediate"} <= deployed


@pytest.mark.parametrize(
    ("wanted", "found", "complaint"),
    [
        ({"a": "*"}, {"a": 0, "b": 1}, ""),
        ({"a": "*"}, {"a": None}, ".a is null"),
        ({"a": "*"}, {}, ".a is null"),
        ([{"a": 1}], [{"a": 2}, {"a": 1}], ""),
        ([{"a": 1}], [{"a": 2}], " has no {'a': 1}"),
        ([], [1], " is [1], not []"),
        ({"a": {"b": 1}}, {"a": 1}, ".a is 1, not {'b': 1}"),
    ],
)
def test_what_an_answer_lacks_is_named(wanted: object, found: object, complaint: str) -> None:
    """So that a failing recording shows what to fix."""
    assert missing(wanted, found) == complaint
