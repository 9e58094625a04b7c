"""The Python that machines run: the daemon's, with its packages, but without the checkout that it
is installed from. A module that an image lacks is missing here, as it is on Fly.
"""

import os
import sys
import sysconfig
from pathlib import Path
from typing import Final

from localfly.state.files import make_folder, opener

_SHEBANG: Final = b"#!"
_LONGEST_SCRIPT_BYTES: Final = 64 * 1024


class Interpreter:
    """A virtual environment whose packages are those of this process's environment.

    Python obeys a `.pth` file in a site folder only, not in a folder that a `.pth` file names; so
    the packages are found, but not the links to checkouts that lie among them.
    """

    def __init__(self, folder: Path) -> None:
        """Make the environment in `folder`; what was there before is replaced piece by piece."""
        self._scripts = folder / "bin"
        self.program = self._scripts / "python"
        ours = Path(sysconfig.get_path("purelib"))
        packages = folder / ours.relative_to(sys.prefix)
        for made in (self._scripts, packages):
            make_folder(made)
        _replace(packages / "packages.pth", f"{ours}\n{sysconfig.get_path('platlib')}\n".encode())
        base = Path(sys._base_executable)  # type: ignore[attr-defined]
        settings = f"home = {base.parent}\ninclude-system-site-packages = false\n"
        _replace(folder / "pyvenv.cfg", settings.encode())
        for name in ("python", "python3", base.name):
            _link(self._scripts / name, base)
        self._copy_scripts(Path(sysconfig.get_path("scripts")))

    def path_before(self, path: str) -> str:
        """Return a PATH where this Python and its packages' commands come first."""
        return f"{self._scripts}{os.pathsep}{path}"

    def _copy_scripts(self, folder: Path) -> None:
        """Copy commands of packages (`uvicorn`), so that this Python runs them."""
        for script in folder.iterdir():
            if script.is_symlink() or not script.is_file():
                continue  # an interpreter, or no script
            if script.stat().st_size > _LONGEST_SCRIPT_BYTES:
                continue
            first, newline, rest = script.read_bytes().partition(b"\n")
            if first.startswith(_SHEBANG) and b"python" in first:
                copy = self._scripts / script.name
                _replace(copy, _SHEBANG + str(self.program).encode() + newline + rest)
                copy.chmod(0o700)


def _replace(path: Path, content: bytes) -> None:
    if not path.exists() or path.read_bytes() != content:
        scratch = path.with_name(f".{path.name}.new")
        with open(scratch, "wb", opener=opener) as file:
            file.write(content)
        scratch.replace(path)


def _link(path: Path, target: Path) -> None:
    scratch = path.with_name(f".{path.name}.new")
    scratch.unlink(missing_ok=True)
    scratch.symlink_to(target)
    scratch.replace(path)
