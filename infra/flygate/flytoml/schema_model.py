"""`SchemaModel`: the base of all tables of the schema, and the types of their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from flygate.flytoml import coercion
from flygate.system import duration


class SchemaModel(BaseModel):
    """A table of the file. Keys are case-insensitive, as in Go; unknown ones are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _in_lower_case(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        known = {name.casefold(): name for name in names(cls)}
        folded: dict[str, Any] = {}
        for key, value in values.items():
            name = known.get(str(key).casefold(), str(key))
            if name in folded:
                raise ValueError(f"has {name} twice, in other letters; keep one")
            folded[name] = value
        return folded


def names(part: type[BaseModel]) -> list[str]:
    """Return the keys of a table, as the file writes them."""
    return [field.alias or name for name, field in part.model_fields.items()]


def _duration(value: Any) -> str:
    spelled = coercion.duration(value, duration.NANOSECOND)
    if spelled is None:
        raise ValueError('must be a duration, as in "15s" or "2m"')
    return spelled


# In Go's spelling; a number is in nanoseconds unless `legacy_syntax` has converted it.
Duration = Annotated[str, BeforeValidator(_duration)]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
