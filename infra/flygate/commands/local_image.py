"""The image of a release in the registry of the local Fly."""

from __future__ import annotations

from pathlib import Path

from flygate.fly.client import FlyClient
from flygate.images import packed_image
from flygate.manifest import Manifest
from flygate.system.errors import ConfigError, ImageError, SourceChangedError


async def ensure(manifest: Manifest, source: tuple[str, ...], root: Path, fly: FlyClient) -> None:
    """Pack and push the image, unless the local registry has it; real Fly pulls by digest.

    Args:
        source: the folders of the checkout that it is packed from, or none.
        root: the checkout.

    Raises:
        ConfigError: real Fly can't run the checkout.
        ImageError: no registry has it.
        SourceChangedError: the checkout is another one than the plan's.
    """
    if not fly.is_local:
        if source:
            raise ConfigError(
                "flygate:image is `source`, which only the local Fly runs. For Fly.io "
                "`flygate image build --push <stack>` builds one and sets it by digest."
            )
        return
    digest = packed_image.digest_of(manifest.image)
    if await fly.has_image(manifest.image):
        return
    packed = packed_image.pack(root, source) if source else None
    if packed is None:
        raise ImageError(f"The local registry has no image {digest}, so it can't run again.")
    if packed.digest != digest:
        raise SourceChangedError(
            "The source changed while Pulumi ran. Nothing was changed; run the same command again."
        )
    await fly.push_image(digest, packed.archive)
