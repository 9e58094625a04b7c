"""The cookie by which the proxy remembers a client's machine."""

from flygate_service.cluster.cookie import AffinityCookie

CLIENT, STRANGER = "192.0.2.1", "192.0.2.2"


def test_only_who_has_the_key_can_tell_whose_it_is() -> None:
    """The same for all requests of a client; another one under another key, or for another one."""
    cookie, other = AffinityCookie(b"a key"), AffinityCookie(b"another key")
    values = {cookie.value(CLIENT), cookie.value(STRANGER), other.value(CLIENT)}

    assert len(values) == 3
    assert AffinityCookie(b"a key").value(CLIENT) == cookie.value(CLIENT)


def test_a_clients_own_is_found_among_others() -> None:
    """No other client's, and none that was made up."""
    cookie = AffinityCookie(b"a key")
    own = cookie.make(CLIENT, is_secure=True).partition(b";")[0]

    assert cookie.is_in(b"a=b; " + own + b"; c=d", CLIENT)
    assert not cookie.is_in(b"a=b; " + own, STRANGER)
    assert not cookie.is_in(b"flygate_affinity=made-up", CLIENT)
