"""The stand-in for pulumi-command 1.2.1: `command:local:Command` and `command:local:run` over gRPC.

Started by the Pulumi CLI as `pulumi-resource-command`; behaves as the plugin's documentation and
source say. Where it differs on purpose is written in docs/toolchain.md.
"""

import secrets
import sys
import threading
import traceback
from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import (
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
)

from scripts.toolchain.standins.command_changes import (
    UNKNOWN_OUTPUTS,
    compare,
    expected,
    former_output,
    ignoring,
)
from scripts.toolchain.standins.command_inputs import check, shell_command
from scripts.toolchain.standins.decoding import (
    ARGUMENTS,
    INPUTS,
    STATE,
    DecodingError,
    Failure,
    decode,
)
from scripts.toolchain.standins.engine_log import EngineLog
from scripts.toolchain.standins.plugin_server import serve
from scripts.toolchain.standins.property_values import (
    Properties,
    hide,
    is_secret,
    reveal,
    secret_texts,
    without_nulls,
)
from scripts.toolchain.standins.shell_command import Child, CommandError, Output, Runner
from scripts.toolchain.standins.structs import properties, struct

VERSION = "1.2.1"
_RESOURCE = "command:local:Command"
_FUNCTION = "command:local:run"


class CommandProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine's calls; every command goes through one `Runner`."""

    def __init__(self, engine: "EngineLog", runner: Runner | None = None) -> None:
        self._engine = engine
        self._runner = runner or Runner()

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
        arguments = _received(request.args)
        with _Answering(context, secret_texts(arguments)):
            _expect(request.tok, _FUNCTION, "Invoke")
            if failures := check(ARGUMENTS, arguments):
                return provider_pb2.InvokeResponse(failures=_failures(failures))
            output = self._run("command", arguments, request, context)
            return provider_pb2.InvokeResponse(**{"return": _properties(arguments, output)})

    def Check(self, request: Any, context: Any) -> Any:
        inputs = _received(request.news)
        with _Answering(context):
            _expect(_type_of(request.urn), _RESOURCE)
            return provider_pb2.CheckResponse(
                inputs=struct(inputs), failures=_failures(check(INPUTS, inputs))
            )

    def Diff(self, request: Any, context: Any) -> Any:
        """Compare the inputs: the plugin never looks at what a command made."""
        with _Answering(context):
            _expect(_type_of(request.urn), _RESOURCE)
            state = _received(request.olds)
            new = ignoring(request.ignoreChanges, _received(request.news), state)
            return compare(_received(request.old_inputs), new)

    def Create(self, request: Any, context: Any) -> Any:
        """Run `create`; in a preview run nothing, and say that the outputs will be known later.

        Also for a replacement: it gets nothing of the one that it replaces.
        """
        inputs = _received(request.properties)
        with _Answering(context, secret_texts(inputs)):
            _expect(_type_of(request.urn), _RESOURCE)
            decode(INPUTS, inputs, prefix="invalid inputs: ")
            identity = f"{request.name}{secrets.token_hex(4)}"
            if request.preview:
                properties = struct({**inputs, **UNKNOWN_OUTPUTS})
            else:
                properties = _properties(inputs, self._run("create", inputs, request, context))
            return provider_pb2.CreateResponse(id=identity, properties=properties)

    def Read(self, request: Any, context: Any) -> Any:
        """Give back what the engine knows: for the plugin nothing ever changes by itself."""
        inputs, state = _received(request.inputs), _received(request.properties)
        with _Answering(context):
            _expect(_type_of(request.urn), _RESOURCE)
            # An import knows an id and nothing else.
            decode(INPUTS, inputs, partial=True)
            decode(STATE, state, partial=True)
            return provider_pb2.ReadResponse(
                id=request.id, inputs=struct(inputs), properties=struct(state)
            )

    def Update(self, request: Any, context: Any) -> Any:
        """Run `update`, or `create` where none is given; the former output is its input."""
        former = _received(request.olds)
        inputs = ignoring(request.ignoreChanges, _received(request.news), former)
        with _Answering(context, secret_texts(inputs) | _secret_output(former)):
            _expect(_type_of(request.urn), _RESOURCE)
            decode(STATE, former)
            decode(INPUTS, inputs)
            if request.preview:
                properties = struct(expected(inputs, former))
            else:
                action = "update" if "update" in inputs else "create"
                properties = _properties(
                    inputs, self._run(action, inputs, request, context, former)
                )
            return provider_pb2.UpdateResponse(properties=properties)

    def Delete(self, request: Any, context: Any) -> Any:
        """Run `delete` with the inputs that are in the state."""
        state = _received(request.properties)
        with _Answering(context, secret_texts(state)):
            _expect(_type_of(request.urn), _RESOURCE)
            decode(STATE, state)
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
        plain, previous = reveal(inputs), former_output(former or {})
        if action not in plain:
            return previous
        return self._runner.run(
            shell_command(plain[action], plain, previous),
            self._engine.logger(getattr(request, "urn", "")),
            timeout_seconds=getattr(request, "timeout", 0),
            on_start=lambda child: _stop_with_call(context, child),
        )


class _RefusedError(Exception):  # a call's status and its words
    """The call can't be answered."""

    def __init__(self, code: grpc.StatusCode, words: str) -> None:
        super().__init__(words)
        self.code = code


class _Answering:
    """Turns an exception into the call's status, without any secret."""

    def __init__(self, context: Any, secrets_: set[str] | None = None) -> None:
        self._context = context
        self._secrets = secrets_ or set()

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, _RefusedError):
            self._context.abort(error.code, str(error))
        if isinstance(error, DecodingError):
            self._context.abort(grpc.StatusCode.UNKNOWN, str(error))
        if isinstance(error, CommandError):
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


def _expect(found: str, known: str, what: str = "Resource") -> None:
    """Whether this plugin has it.

    Raises:
        _RefusedError: it has not, or only the real one has.
    """
    name = found.removeprefix("command:")
    if name.startswith("remote:"):
        raise _RefusedError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"{found} is not supported by the stand-in for pulumi-command, which has {_RESOURCE} "
            f"and {_FUNCTION}; install Pulumi to have the real plugin (docs/toolchain.md)",
        )
    if found != known:
        raise _RefusedError(grpc.StatusCode.NOT_FOUND, f"{what} '{name}' not found")


def _received(message: Any) -> Properties:
    received: Properties = without_nulls(properties(message))
    return received


def _properties(inputs: Properties, output: Output) -> Any:
    """The inputs with what the command wrote.

    Raises:
        _RefusedError: what it wrote is no text. The command has run, and its result is lost.
    """
    for text in (output.stdout, output.stderr):
        if any("\udc80" <= character <= "\udcff" for character in text):
            words = "grpc: error while marshaling: string field contains invalid UTF-8"
            raise _RefusedError(grpc.StatusCode.INTERNAL, words)
    return struct({**inputs, "stdout": output.stdout, "stderr": output.stderr})


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
