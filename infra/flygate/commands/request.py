"""`ReleaseRequest`: what the release Command gets on its standard input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    SerializerFunctionWrapHandler,
    Tag,
    model_serializer,
    model_validator,
)

from flygate.config import Pin
from flygate.fly.owner import Owner
from flygate.manifest import Manifest

# The names that the two kinds of content have in JSON.
_MANIFEST = "manifest"
_PIN = "pin"


def _kind(content: Any) -> str:
    """Return the name of the field that a content belongs into."""
    names = content if isinstance(content, Mapping) else type(content).model_fields
    return _MANIFEST if "image" in names else _PIN


Content = Annotated[
    Annotated[Manifest, Tag(_MANIFEST)] | Annotated[Pin, Tag(_PIN)], Discriminator(_kind)
]


class ReleaseRequest(BaseModel):
    """A manifest, or the pin to an earlier one; in JSON it is the field `manifest` or `pin`.

    Attributes:
        content: what is to be released.
        source: the folders that the image is packed from, or empty for an image by digest.
        drift: the drift token of the program's inspection; the new machines remember it.
        promotion: where the manifest's image was proved, for the ledger.
        attached: with a pin, the secrets that follow a live resource: the release gets their
            present values, also if it had none when it first ran.
        owner: the label of the stack that asks: see `infra/flygate/fly/owner.py`.
        hooks_env: variables that the user's hooks get beside those that all get.
        takeover: the label of the stack that it may take the app over from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: str
    content: Content
    source: tuple[str, ...] = ()
    drift: str = ""
    promotion: str = ""
    attached: tuple[str, ...] = ()
    owner: str = ""
    takeover: str = ""
    hooks_env: tuple[str, ...] = ()

    @property
    def stack(self) -> str:
        """The name of the stack that asks, for what to type."""
        owner = Owner.parse(self.owner)
        return owner.stack if owner else "<stack>"

    @model_validator(mode="before")
    @classmethod
    def _from_fields(cls, fields: Any) -> Any:
        """Take the content from the field of its kind."""
        if not isinstance(fields, Mapping) or "content" in fields:
            return fields
        given = [fields[name] for name in (_MANIFEST, _PIN) if fields.get(name) is not None]
        if len(given) != 1:
            raise ValueError("exactly one of manifest and pin is needed")
        rest = {name: value for name, value in fields.items() if name not in (_MANIFEST, _PIN)}
        return {**rest, "content": given[0]}

    @model_serializer(mode="wrap")
    def _to_fields(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Put the content into the field of its kind."""
        fields: dict[str, Any] = handler(self)
        content = fields.pop("content")
        return {**fields, _kind(self.content): content}
