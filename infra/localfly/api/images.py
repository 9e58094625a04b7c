"""The image registry (outside Fly's paths): images are tars, named by their digest."""

import asyncio
import re
from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from localfly.api.dependencies import CloudDep, Json
from localfly.errors import InvalidArgumentError, NotFoundError, TooLargeError
from localfly.images.image_store import MAX_IMAGE_BYTES
from localfly.images.reference import ImageRef

router = APIRouter(prefix="/_images", tags=["images"])


class TagBody(BaseModel):
    digest: str


_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


@router.get("")
async def list_images(cloud: CloudDep) -> Json:
    found = [{"digest": digest} for digest in cloud.images.digests()]
    return {"images": found, "tags": cloud.images.tags()}


@router.head("/{digest}")
async def has_image(cloud: CloudDep, digest: str, name: str = "registry.fly.io/any") -> Response:
    """Answer whether a machine could run it; Docker's runtime needs its name for that."""
    try:
        await cloud.runtime.find(ImageRef.parse(f"{name}@{_checked(digest)}"))
    except NotFoundError:
        return Response(status_code=404)
    return Response(status_code=200)


@router.put("/{digest}")
async def put_image(request: Request, cloud: CloudDep, digest: str) -> Response:
    tar = await _body(request)
    is_new = await asyncio.to_thread(cloud.images.add, _checked(digest), tar)
    return Response(status_code=201 if is_new else 200)


@router.put("/tags/{name:path}")
async def put_tag(cloud: CloudDep, name: str, body: TagBody) -> Json:
    ref = ImageRef.parse(name)
    cloud.images.tag(ref, _checked(body.digest))
    return {"name": ref.tagged_name, "digest": body.digest}


def _checked(digest: str) -> str:
    if _DIGEST.fullmatch(digest):
        return digest
    raise InvalidArgumentError(f"an image's name is sha256:<64 hex digits>, found {digest!r}")


async def _body(request: Request) -> bytes:
    """Read the tar, not beyond the limit."""
    tar = bytearray()
    async for chunk in request.stream():
        tar += chunk
        if len(tar) > MAX_IMAGE_BYTES:
            raise TooLargeError(f"image too large: at most {MAX_IMAGE_BYTES} bytes")
    return bytes(tar)
