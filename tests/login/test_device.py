"""Device cookies: signed, for one account, and not for ever."""

from flygate_service.login import DeviceCookies
from flygate_service.login.device import MOST_ACCOUNTS, NAME


def value(cookie: str) -> str:
    """What a browser sends back."""
    return cookie.split(";", 1)[0].removeprefix(f"{NAME}=")


def test_round_trip() -> None:
    """A cookie is good for its account, on every machine with the secret."""
    cookie = value(DeviceCookies(b"secret", True).make("ada"))

    device = DeviceCookies(b"secret", True).read("ada", cookie)

    assert device is not None
    assert len(device) >= 16
    assert "ada" not in cookie


def test_what_is_not_believed() -> None:
    """Another account, another secret, a changed or missing cookie name no device."""
    cookies = DeviceCookies(b"secret", True)
    good = value(cookies.make("ada"))
    device, issued, signature = good.split(".")
    forged = [
        None,
        "",
        "a.b",
        f"{device}x.{issued}.{signature}",
        f"{device}.{int(issued) + 9}.{signature}",
        f"{device}.{issued}.{'0' * len(signature)}",
        f"{device}.{issued}.ä",
    ]

    assert [cookies.read("ada", cookie) for cookie in forged] == [None] * len(forged)
    assert cookies.read("bob", good) is None
    assert DeviceCookies(b"other", True).read("ada", good) is None


def test_it_ends() -> None:
    """After half a year a device is a stranger again."""
    now = 1_700_000_000.0
    cookies = DeviceCookies(b"secret", True, lambda: now)
    cookie = value(cookies.make("ada"))
    fresh = cookies.read("ada", cookie)
    now += 181 * 86_400

    assert fresh is not None
    assert cookies.read("ada", cookie) is None


def test_attributes() -> None:
    """Scripts cannot read it, other sites do not send it, and on Fly it needs TLS."""
    assert "HttpOnly; SameSite=Lax; Secure" in DeviceCookies(b"s", True).make("ada")
    assert "Secure" not in DeviceCookies(b"s", False).make("ada")


def test_a_shared_browser_knows_all_who_log_in() -> None:
    """Bob's login does not make a stranger of ada's device; hers is not worth anything to him."""
    cookies = DeviceCookies(b"secret", True)
    shared = value(cookies.make("ada"))
    hers = cookies.read("ada", shared)
    assert cookies.read("bob", shared) is None

    both = value(cookies.make("bob", shared))

    assert cookies.read("ada", both) == hers
    assert cookies.read("bob", both) not in (None, hers)
    assert value(cookies.make("ada", both)).count("~") == 1


def test_it_knows_a_bounded_number() -> None:
    """Who has not logged in for the longest is forgotten; what others put there grows nothing."""
    cookies = DeviceCookies(b"secret", True)
    cookie = None
    for number in range(MOST_ACCOUNTS + 1):
        cookie = value(cookies.make(f"user{number}", cookie))

    known = [cookies.read(f"user{number}", cookie) is not None for number in range(9)]
    assert known == [False] + [True] * MOST_ACCOUNTS
    for strange in ("~" * 4_000, "x.y.z~" * 3, f"{cookie}~" * 40):
        assert len(value(cookies.make("ada", strange))) < 600
