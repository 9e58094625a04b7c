"""The kinds of values that keys of the stack's configuration have.

A value of the wrong kind is named in plain words, and true is no number.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

from flygate.system import duration
from flygate.system.errors import ConfigError

# Longer than any release is compared or kept; what is longer was a typing error.
LONGEST: Final = "8760h"
# Less is no time for a machine to start in.
_LEAST_WAIT: Final = "1s"


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def _length(text: str) -> str:
    try:
        seconds = duration.seconds(text)
    except ConfigError:
        raise ValueError(
            'must be a number with its unit (ms, s, m or h), as in "30s" or "24h"'
        ) from None
    if seconds > duration.seconds(LONGEST):
        raise ValueError(f"must be at most {LONGEST}, which is a year")
    return text


def _wait(text: str) -> str:
    if duration.seconds(text) < duration.seconds(_LEAST_WAIT):
        raise ValueError(
            f'must be at least {_LEAST_WAIT}: no machine starts and passes its checks sooner. "2m" '
            "is the default"
        )
    return text


Whole = Annotated[int, BeforeValidator(_no_truth)]
Number = Annotated[float, BeforeValidator(_no_truth), Field(allow_inf_nan=False)]
Duration = Annotated[str, AfterValidator(_length)]
Wait = Annotated[Duration, AfterValidator(_wait)]
