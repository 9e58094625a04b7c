"""The stand-in for pulumi-command 1.2.1: `command:local:Command` and `command:local:run` over gRPC.

Started by the Pulumi CLI as `pulumi-resource-command`; behaves as the plugin's documentation and
source say. Where it differs on purpose is written in docs/toolchain.md.
"""

import secrets
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
)

from tests.toolchain.command_inputs import Failure, check_resource, check_run, shell_command
from tests.toolchain.plugin_server import serve
from tests.toolchain.property_values import (
    UNKNOWN,
    Properties,
    differences,
    hide,
    is_secret,
    reveal,
    secret_texts,
)
from tests.toolchain.shell_command import Child, CommandFailed, LogLine, Output, Runner
from tests.toolchain.structs import properties, struct

VERSION = "1.2.1"
_RESOURCE = "command:local:Command"
_FUNCTION = "command:local:run"


class CommandProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine's calls; every command goes through one `Runner`."""

    def __init__(self, engine: "EngineLog", runner: Runner | None = None) -> None:
        self._engine = engine
        self._runner = runner or Runner()

    def Handshake(self, request: Any, context: Any) -> Any:
        self._engine.connect(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def Attach(self, request: Any, context: Any) -> Any:
        self._engine.connect(request.address)
        return empty_pb2.Empty()

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema="{}")

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, acceptResources=True, supportsPreview=True
        )

    def Invoke(self, request: Any, context: Any) -> Any:
        """`run`: on every preview and every update, as the plugin does."""
        if request.tok != _FUNCTION:
            _refuse(context, request.tok)
        arguments = properties(request.args)
        if failures := check_run(arguments):
            return provider_pb2.InvokeResponse(failures=_failures(failures))
        output = self._run("command", arguments, request, context)
        answer = {**arguments, "stdout": output.stdout, "stderr": output.stderr}
        return provider_pb2.InvokeResponse(**{"return": struct(answer)})

    def Check(self, request: Any, context: Any) -> Any:
        if _type_of(request.urn) != _RESOURCE:
            _refuse(context, request.urn)
        failures = check_resource(properties(request.news))
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(failures))

    def Diff(self, request: Any, context: Any) -> Any:
        ignored = set(request.ignoreChanges)
        old = _without(properties(request.old_inputs), ignored)
        new = _without(properties(request.news), ignored)
        return _diff_response(differences(old, new))

    def Create(self, request: Any, context: Any) -> Any:
        """Run `create`; in a preview run nothing, and say that the outputs will be known later."""
        inputs = properties(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=struct(_unknown_outputs(inputs)))
        output = self._run("create", inputs, request, context)
        identity = f"{request.name}{secrets.token_hex(4)}"
        return provider_pb2.CreateResponse(id=identity, properties=struct(_state(inputs, output)))

    def Update(self, request: Any, context: Any) -> Any:
        """Run `update`, or `create` where none is given; the former output is its input."""
        inputs, former = properties(request.news), properties(request.olds)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=struct(_unknown_outputs(inputs)))
        action = "update" if inputs.get("update") is not None else "create"
        output = self._run(action, inputs, request, context, former)
        return provider_pb2.UpdateResponse(properties=struct(_state(inputs, output)))

    def Delete(self, request: Any, context: Any) -> Any:
        """Run `delete` with the inputs that are in the state."""
        state = properties(request.properties)
        self._run("delete", state, request, context, former=state)
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        self._runner.cancel()
        return empty_pb2.Empty()

    def _run(
        self,
        action: str,
        inputs: Properties,
        request: Any,
        context: Any,
        former: Properties | None = None,
    ) -> Output:
        """Run the command that the input `action` holds; without one the output stays."""
        plain, previous = reveal(inputs), _output(former or {})
        if plain.get(action) is None:
            return previous
        command = shell_command(plain[action], plain, previous)
        with _Aborting(context, secret_texts(inputs) | _secret_output(former)):
            return self._runner.run(
                command,
                self._engine.logger(getattr(request, "urn", "")),
                timeout_seconds=getattr(request, "timeout", 0),
                on_start=lambda child: _stop_with_call(context, child),
            )


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
        # An engine that is gone can't be told so, and the command's result matters more.
        with suppress(grpc.RpcError):
            self._engine.Log(
                engine_pb2.LogRequest(
                    severity=engine_pb2.INFO, message=line, urn=urn, ephemeral=True
                )
            )


class _Aborting:
    """Turns an exception into the call's status, without any secret."""

    def __init__(self, context: Any, secrets_: set[str]) -> None:
        self._context = context
        self._secrets = secrets_

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, CommandFailed):
            self._context.abort(grpc.StatusCode.UNKNOWN, hide(str(error), self._secrets))
        if isinstance(error, Exception):
            where = traceback.extract_tb(trace)[-1]
            fault = f"{type(error).__name__} at {where.filename}:{where.lineno}"
            self._context.abort(grpc.StatusCode.INTERNAL, f"pulumi-command stand-in: {fault}")


def _stop_with_call(context: Any, child: Child) -> None:
    """Stop `child` when its call ends before it: the CLI was killed and the connection closed."""

    def stop() -> None:
        # Aside: a callback that waits would hold up every other call.
        threading.Thread(target=child.stop, daemon=True).start()

    if not context.add_callback(stop):
        stop()


def _secret_output(state: Mapping[str, Any] | None) -> set[str]:
    """The former output if it is secret. As a whole: of its parts, most may be public words."""
    found = [(state or {}).get(name) for name in ("stdout", "stderr")]
    return {str(reveal(output)) for output in found if is_secret(output)}


def _type_of(urn: str) -> str:
    """The resource's own type: a child's URN names its parents' types before it."""
    return urn.split("::")[2].rpartition("$")[2]


def _refuse(context: Any, what: str) -> NoReturn:
    context.abort(
        grpc.StatusCode.UNIMPLEMENTED,
        f"{what} is not supported by the stand-in for pulumi-command, which has {_RESOURCE} and "
        f"{_FUNCTION}; install Pulumi to have the real plugin (docs/toolchain.md)",
    )
    raise AssertionError("abort raises")


def _diff_response(changed: dict[str, str]) -> Any:
    kinds = provider_pb2.PropertyDiff.Kind
    detailed = {
        path: provider_pb2.PropertyDiff(
            kind=kinds.Value(f"{kind}_replace".upper() if _replaces(path) else kind.upper()),
            inputDiff=True,
        )
        for path, kind in changed.items()
    }
    response = provider_pb2.DiffResponse
    return provider_pb2.DiffResponse(
        changes=response.DIFF_SOME if changed else response.DIFF_NONE,
        diffs=sorted({_top(path) for path in changed}),
        replaces=["triggers"] if any(map(_replaces, changed)) else [],
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _replaces(path: str) -> bool:
    return _top(path) == "triggers"


def _top(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


def _without(inputs: Properties, ignored: set[str]) -> Properties:
    return {
        name: value
        for name, value in inputs.items()
        if name not in ignored and name != "version" and not name.startswith("__")
    }


def _state(inputs: Properties, output: Output) -> Properties:
    return {**inputs, "stdout": output.stdout, "stderr": output.stderr}


def _unknown_outputs(inputs: Properties) -> Properties:
    return {**inputs, "stdout": UNKNOWN, "stderr": UNKNOWN}


def _output(state: Properties) -> Output:
    plain = reveal(state)
    return Output(stdout=plain.get("stdout", ""), stderr=plain.get("stderr", ""))


def _failures(failures: list[Failure]) -> list[Any]:
    return [
        provider_pb2.CheckFailure(property=failure.name, reason=failure.reason)
        for failure in failures
    ]


def main() -> None:
    """Serve until the CLI is done; its engine's address is the first argument."""
    runner = Runner()
    provider = CommandProvider(EngineLog(sys.argv[1] if len(sys.argv) > 1 else ""), runner)
    serve(
        lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server),
        on_stop=runner.cancel,
    )


if __name__ == "__main__":
    main()
