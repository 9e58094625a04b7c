"""`SmokeConfig`: what a new machine must prove before it gets traffic."""

from __future__ import annotations

import re
from typing import Final, Literal

from pydantic import Field, field_validator, model_validator

from flygate.config.kinds import Whole
from flygate.config.section import Section

# Visible ASCII, as a request line takes it; a fragment after # is never sent.
_PATH: Final = re.compile(r"/[!-\"$-~]{0,1999}")
_MEMBER: Final = re.compile(r"[^.\s]+(\.[^.\s]+)*")
# One command inside the machine makes all of them.
REQUESTS_MAX: Final = 10
WITHOUT_CONTENT: Final = {204, 304}

Method = Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]


class SmokeRequest(Section):
    """A request to the application, without a body, and the answer that it must get.

    Attributes:
        member: a member that the answer, which must be JSON, must have: `items.0.id`.
        text: a text that the answer's body must contain.
    """

    method: Method = "GET"
    path: str
    status: Whole = Field(default=200, ge=200, le=599)
    member: str = ""
    text: str = Field(default="", max_length=1000)

    @field_validator("path")
    @classmethod
    def _is_a_path(cls, value: str) -> str:
        if not _PATH.fullmatch(value):
            raise ValueError(
                "must begin with /, be without spaces and #, and have other characters than ASCII "
                "in their %-form"
            )
        return value

    @field_validator("member")
    @classmethod
    def _is_a_member(cls, value: str) -> str:
        if value and not _MEMBER.fullmatch(value):
            raise ValueError("must be names and numbers with dots between, such as items.0.id")
        return value

    @model_validator(mode="after")
    def _has_a_body_to_look_at(self) -> SmokeRequest:
        is_empty = self.method == "HEAD" or self.status in WITHOUT_CONTENT
        if is_empty and (self.member or self.text):
            what = "HEAD" if self.method == "HEAD" else str(self.status)
            raise ValueError(
                f"must have no member and no text: an answer to {what} has no body, so they could "
                "never be there"
            )
        return self

    def __str__(self) -> str:
        wanted = [f"{self.method} {self.path} → {self.status}"]
        wanted += [f"with {self.member}"] if self.member else []
        wanted += [f"with {self.text!r}"] if self.text else []
        return " ".join(wanted)


class SmokeConfig(Section):
    """The smoke check.

    Attributes:
        limiter: check that the burst is allowed and the next request refused.
        restart: stop the first new machine by its kill signal, and start it, before it serves.
        requests: further requests that must be answered as given, in their order.
    """

    limiter: bool = True
    restart: bool = True
    requests: tuple[SmokeRequest, ...] = Field(default=(), max_length=REQUESTS_MAX)
