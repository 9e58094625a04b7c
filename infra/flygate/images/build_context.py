"""`BuildContext`: the files that a build sees: the Dockerfile, the pins and the sources.

They are copied into a separate folder, so that no state file and no secret of the checkout gets
into an image; flygate:source alone decides, here and on the local Fly.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from flygate.images.source_files import SourceFiles
from flygate.system.errors import ImageError

DOCKERFILE: Final = "Dockerfile"
PINS: Final = "requirements/service.txt"


@dataclass(frozen=True)
class BuildContext:
    """The part of a checkout that an image is made of.

    Attributes:
        source: its folders of code (flygate:source).
    """

    root: Path
    source: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names below the checkout."""
        return (DOCKERFILE, PINS, *self.source)

    @cached_property
    def sources(self) -> SourceFiles:
        """The files.

        Raises:
            ImageError: see `SourceFiles.read`.
        """
        return SourceFiles.read(self.root, self.inputs)

    @contextmanager
    def laid_out(self) -> Iterator[Path]:
        """Yield a temporary folder with nothing but the inputs.

        Raises:
            ImageError: one is missing: see `SourceFiles.read`.
        """
        if not (self.root / DOCKERFILE).is_file():
            raise ImageError(f"There is no {DOCKERFILE} in this checkout. Get it back from git.")
        with tempfile.TemporaryDirectory(prefix="flygate-image-") as temporary:
            folder = Path(temporary)
            for name in self.sources.files:
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.root / name, target)
            yield folder
