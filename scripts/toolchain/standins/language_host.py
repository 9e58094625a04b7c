"""The stand-in for pulumi-language-python: runs a Pulumi program for the CLI, in this process.

Started by the Pulumi CLI as `pulumi-language-python` with the engine's address. What talks to the
engine is the SDK's own `LanguageServer`, which the Automation API uses for inline programs.
"""

import os
import runpy
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from scripts.toolchain.standins.plugin_server import serve


class LanguageHost(LanguageServer):
    """Answers the CLI's calls; the program is a file or a folder with a `__main__.py`."""

    def __init__(self) -> None:
        super().__init__(lambda: None)

    def Handshake(self, request: Any, context: Any) -> Any:
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi"))

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=name, version=metadata.version(name))
                for name in ("pulumi", "pulumi-command")
            ]
        )

    def Run(self, request: Any, context: Any) -> Any:
        folder = Path(request.info.program_directory or request.pwd)
        entry = folder / (request.info.entry_point or ".")
        os.chdir(request.pwd or folder)
        sys.argv = [str(entry), *request.args[1:]]
        self.program = Program(entry)
        return super().Run(request, context)  # type: ignore[no-untyped-call]

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


class Program:
    """The user's program, as the SDK calls it."""

    def __init__(self, entry: Path) -> None:
        self._entry = entry

    def __call__(self) -> None:
        runpy.run_path(str(self._entry), run_name="__main__")


def main() -> None:
    """Serve until the CLI is done."""
    host = LanguageHost()
    serve(lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server))


if __name__ == "__main__":
    main()
