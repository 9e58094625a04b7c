"""Where the lines go that `command_provider` reads of a command: the engine's own log."""

import threading
from contextlib import suppress
from typing import Any

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from scripts.toolchain.standins.shell_command import LogLine


class EngineLog:
    """The engine's own log: what a command writes is shown while the command runs."""

    def __init__(self, address: str = "") -> None:
        self._lock = threading.Lock()
        self._address = ""
        self._engine: Any = None
        self.connect(address)

    def connect(self, address: str) -> None:
        with self._lock:
            if address and address != self._address:
                self._address = address
                self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def logger(self, urn: str) -> LogLine:
        """A function that shows a line as the status of the resource `urn`."""
        return lambda line: self._info(line, urn)

    def _info(self, line: str, urn: str) -> None:
        if self._engine is None:
            return
        # An engine that is gone takes no log, and the command's result matters more.
        with suppress(grpc.RpcError):
            self._engine.Log(
                engine_pb2.LogRequest(
                    severity=engine_pb2.INFO, message=line, urn=urn, ephemeral=True
                )
            )
