"""What the library offers, and what it stands on."""

import subprocess
import sys
from pathlib import Path

import flygate_limiter as limiter

HOME = Path(limiter.__file__).parents[1]


def test_all_is_sorted_and_complete() -> None:
    """`__all__` is in order (constants, classes, functions), and every name in it exists."""
    names = limiter.__all__

    assert names == sorted(names, key=lambda name: (not name.isupper(), name.islower(), name))
    assert all(hasattr(limiter, name) for name in names)


def test_stands_alone() -> None:
    """With the standard library alone it decides on requests, and loads nothing else."""
    done = alone(
        "from flygate_limiter import *\n"
        "limits = Limiter(PolicySet((Policy('p', parse('1/m')),)), MemoryStore())\n"
        "print([limits.check_now(Request('a')).allowed for _ in range(2)])\n"
        "own = sys.stdlib_module_names | {'flygate_limiter', '__main__'}\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} - own))\n"
    )

    assert done.stdout.splitlines() == ["[True, False]", "[]"]


def test_a_store_in_redis_says_what_to_install() -> None:
    """Without hiredis the error is the command to type; addresses can be read nevertheless."""
    done = alone(
        "from flygate_limiter.redis.address import RedisAddress\n"
        "print(RedisAddress.parse('redis://example.org'))\n"
        "try:\n"
        "    import flygate_limiter.redis.store\n"
        "except ModuleNotFoundError as exc:\n"
        "    print(exc)\n"
    )

    assert done.stdout.splitlines() == [
        "example.org:6379",
        "a store in Redis needs hiredis: pip install 'flygate-limiter[redis]'",
    ]


def alone(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script where there is no package but those of `service/`."""
    begin = f"import sys; sys.path.append({str(HOME)!r})\n"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", begin + script],
        capture_output=True,
        text=True,
        check=True,
    )
