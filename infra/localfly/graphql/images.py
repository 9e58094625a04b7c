"""Images: what a reference means, before it is deployed (docs/fly-api.md 5.1)."""

from typing import Any, Final, NoReturn

from graphql import GraphQLError

from localfly.apps.app import App
from localfly.errors import NotFoundError
from localfly.graphql.context import Info, Json
from localfly.graphql.resolvers import ResolverMap, constant
from localfly.images.reference import ImageRef
from localfly.timing.timestamp import rfc3339


def _latest(_: None, __: Info, image: str, **___: Any) -> NoReturn:
    """Refuse, as Fly does for any image but its own, of which alone it knows newer versions."""
    raise GraphQLError(f"Unknown repository {image}")


async def _image(app: App, info: Info, ref: str) -> Json | None:
    parsed = ImageRef.parse(ref)
    try:
        found = await info.context.cloud.runtime.find(parsed)
    except NotFoundError:
        return None  # flyctl then looks elsewhere, and says that there is none
    return _document(parsed.pinned(found.digest), found.size_bytes, app.created_at)


def _deployed(app: App, info: Info) -> ImageRef | None:
    machines = info.context.cloud.fleet.list(app.name)
    return machines[-1].machine.config.image if machines else None


def _document(ref: ImageRef, size: int, created_at: float) -> Json:
    return {
        "id": ref.digest,
        "digest": ref.digest,
        # `fly deploy` runs just that; other commands put the digest behind a tag.
        "ref": ref.tagged_name if ref.tag else str(ref),
        "absoluteRef": str(ref),
        "label": ref.tag,
        "registry": ref.registry,
        "repository": ref.repository,
        "tag": ref.tag,
        "compressedSize": size,
        "compressedSizeFull": str(size),
        "config": {},
        "configDigest": ref.digest,
        "manifest": {},
        "createdAt": rfc3339(created_at),
    }


RESOLVERS: Final[ResolverMap] = {
    "Queries": {"latestImageDetails": _latest},
    "App": {"image": _image, "imageDetails": _deployed, "latestImageDetails": _deployed},
    "ImageVersion": {"version": constant("")},
}
