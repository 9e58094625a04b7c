"""What the library offers, and what it stands on."""

import subprocess
import sys

import flygate_limiter as limiter


def test_all_is_sorted_and_complete() -> None:
    """`__all__` is in order (constants, classes, functions), and every name in it exists."""
    names = limiter.__all__

    assert names == sorted(names, key=lambda name: (not name.isupper(), name.islower(), name))
    assert all(hasattr(limiter, name) for name in names)


def test_stands_alone() -> None:
    """The library can be lifted out: it loads no web framework, metrics or the service itself."""
    script = (
        "import sys, flygate_limiter\n"
        "foreign = ['fastapi', 'starlette', 'prometheus_client', 'structlog', 'redis',"
        " 'flygate_service', 'flygate_service.settings', 'flygate_service.app']\n"
        "print([name for name in foreign if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
