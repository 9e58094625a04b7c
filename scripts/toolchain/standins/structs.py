"""Property maps on the wire: protobuf's Struct to and from plain dictionaries."""

from typing import Any

from google.protobuf import struct_pb2  # type: ignore[import-untyped]
from google.protobuf.json_format import (  # type: ignore[import-untyped]
    MessageToDict,
    ParseDict,
)

from scripts.toolchain.standins.property_values import Properties


def properties(message: Any) -> Properties:
    """The dictionary that a Struct holds."""
    found: Properties = MessageToDict(message)
    return found


def struct(values: Properties) -> Any:
    """The Struct that holds `values`."""
    return ParseDict(values, struct_pb2.Struct())
