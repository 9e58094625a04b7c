"""Images: what a reference means, before it is deployed (docs/fly-api.md 5.1)."""

from typing import Any

from graphql import GraphQLError

from localfly.app import App
from localfly.errors import NotFoundError
from localfly.graphql.world import Info, Json, World
from localfly.image_ref import ImageRef
from localfly.times import rfc3339


def queries(_: World) -> Json:
    def latest(_: Info, image: str, **__: Any) -> Json:
        """Fly knows newer versions of its own images only, and says so of any other."""
        raise GraphQLError(f"Unknown repository {image}")

    return {"latestImageDetails": latest}


def fields(world: World, app: App) -> Json:
    """Those of the type App."""

    async def image(_: Info, ref: str) -> Json | None:
        parsed = ImageRef.parse(ref)
        try:
            found = await world.cloud.runtime.find(parsed)
        except NotFoundError:
            return None  # flyctl then looks elsewhere, and says that there is none
        return image_document(parsed.pinned(found.digest), found.size_bytes, app.created_at)

    def details(_: Info) -> Json | None:
        running = world.cloud.fleet.list(app.name)
        return version_document(running[-1].machine.config.image) if running else None

    return {"image": image, "imageDetails": details, "latestImageDetails": details}


def image_document(ref: ImageRef, size: int, created_at: float) -> Json:
    return {
        "id": ref.digest,
        "digest": ref.digest,
        "ref": ref.tagged_name,  # flyctl puts the digest behind it
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


def version_document(ref: ImageRef) -> Json:
    return {
        "registry": ref.registry,
        "repository": ref.repository,
        "tag": ref.tag,
        "digest": ref.digest,
        "version": "",
    }
