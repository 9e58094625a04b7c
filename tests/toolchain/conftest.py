"""A stand-in provider behind a real gRPC server, with an engine that keeps what it gets.

With FLYGATE_TEST_COMMAND_PLUGIN, Pulumi's own plugin instead: it passes the same tests.
"""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from scripts.toolchain.standins.command_provider import CommandProvider
from scripts.toolchain.standins.engine_log import EngineLog
from scripts.toolchain.standins.property_values import Properties
from scripts.toolchain.standins.shell_command import Runner
from scripts.toolchain.standins.structs import properties, struct
from tests.toolchain.small_project import Project, make

# The path of Pulumi's own pulumi-resource-command 1.2.1, where there is one to compare with.
PLUGIN = os.environ.get("FLYGATE_TEST_COMMAND_PLUGIN", "")
on_purpose = pytest.mark.skipif(
    bool(PLUGIN), reason="the stand-in differs on purpose (docs/toolchain.md)"
)
OUTPUTS = {"stdout": "", "stderr": ""}
URN = "urn:pulumi:stack::project::command:local:Command::name"


class Engine(engine_pb2_grpc.EngineServicer):
    """The engine's log, as a list of what it got."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.logged: list[Any] = []

    def Log(self, request: Any, context: Any) -> Any:
        with self._changed:
            self.logged.append(request)
            self._changed.notify_all()
        return empty_pb2.Empty()

    def lines(self) -> list[str]:
        return [entry.message for entry in self.logged]

    def wait_for(self, line: str, seconds: float = 10) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: line in self.lines(), seconds), self.lines()


@dataclass
class Client:
    """Calls the provider as the engine does, with plain dictionaries."""

    stub: Any
    engine: Engine
    close: Callable[[], None] = field(default=lambda: None)

    def create(
        self,
        inputs: Properties,
        preview: bool = False,
        timeout: float = 0,
        wait: float | None = None,
        urn: str = URN,
    ) -> Any:
        request = provider_pb2.CreateRequest(
            urn=urn, name="name", properties=struct(inputs), preview=preview, timeout=timeout
        )
        return self.stub.Create(request, timeout=wait)

    def read(self, state: Properties, inputs: Properties) -> tuple[Properties, Properties]:
        request = provider_pb2.ReadRequest(
            id="an id", urn=URN, properties=struct(state), inputs=struct(inputs)
        )
        answer = self.stub.Read(request)
        assert answer.id == "an id"
        return properties(answer.properties), properties(answer.inputs)

    def update(
        self,
        former: Properties,
        inputs: Properties,
        preview: bool = False,
        ignore: tuple[str, ...] = (),
    ) -> Properties:
        request = provider_pb2.UpdateRequest(
            urn=URN,
            olds=struct(former),
            news=struct(inputs),
            preview=preview,
            ignoreChanges=ignore,
        )
        return properties(self.stub.Update(request).properties)

    def delete(self, state: Properties, urn: str = URN) -> None:
        self.stub.Delete(provider_pb2.DeleteRequest(urn=urn, properties=struct(state)))

    def diff(self, former: Properties, inputs: Properties, ignore: tuple[str, ...] = ()) -> Any:
        request = provider_pb2.DiffRequest(
            urn=URN,
            olds=struct({**former, "stdout": "", "stderr": ""}),
            old_inputs=struct(former),
            news=struct(inputs),
            ignoreChanges=ignore,
        )
        return self.stub.Diff(request)

    def check(self, inputs: Properties, urn: str = URN) -> list[tuple[str, str]]:
        answer = self.stub.Check(provider_pb2.CheckRequest(urn=urn, news=struct(inputs)))
        return [(failure.property, failure.reason) for failure in answer.failures]

    def invoke(self, arguments: Properties, function: str = "command:local:run") -> Any:
        return self.stub.Invoke(provider_pb2.InvokeRequest(tok=function, args=struct(arguments)))

    def cancel(self) -> None:
        self.stub.Cancel(empty_pb2.Empty())


@contextmanager
def refused(code: grpc.StatusCode) -> Iterator[list[str]]:
    """Expects a failed call; gives its message when the block is done."""
    said: list[str] = []
    with pytest.raises(grpc.RpcError) as failure:
        yield said
    assert failure.value.code() == code
    said.append(failure.value.details())


@pytest.fixture
def engine() -> Engine:
    """An engine's log."""
    return Engine()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A small Pulumi project with a stack `test`."""
    return make(tmp_path, PLUGIN)


@pytest.fixture
def provider(engine: Engine) -> Iterator[Client]:
    """A client of a running provider that logs to `engine`."""
    plugin = _plugin if PLUGIN else _stand_in
    with _engine(engine) as engine_address, plugin(engine_address) as address:
        channel = grpc.insecure_channel(address, options=_AS_THE_ENGINE)
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        stub.Configure(
            provider_pb2.ConfigureRequest(
                acceptSecrets=True,
                acceptResources=True,
                sends_old_inputs=True,
                sends_old_inputs_to_delete=True,
            )
        )
        yield Client(stub, engine, channel.close)
        channel.close()


# The engine accepts statuses of 16 MiB; Python's own limit is 16 KiB.
_AS_THE_ENGINE = [
    (f"grpc.{limit}", 16 << 20) for limit in ("max_metadata_size", "absolute_max_metadata_size")
]


@contextmanager
def _engine(engine: Engine) -> Iterator[str]:
    with _serving(
        lambda server: engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    ) as address:
        yield address


@contextmanager
def _stand_in(engine_address: str) -> Iterator[str]:
    runner = Runner(grace_seconds=0.3)
    servicer = CommandProvider(EngineLog(engine_address), runner)
    with _serving(
        lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    ) as address:
        yield address
        runner.cancel()


@contextmanager
def _plugin(engine_address: str) -> Iterator[str]:
    with subprocess.Popen([PLUGIN, engine_address], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


@contextmanager
def _serving(add_to: Callable[[Any], None]) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(16))
    add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()
