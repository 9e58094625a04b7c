"""Who is there, as a name server answers."""

from collections.abc import AsyncIterator

import pytest
from flygate_service.cluster import directory
from flygate_service.cluster.directory import DnsDirectory
from flygate_service.cluster.errors import DirectoryError
from flygate_service.cluster.ring import Member

from tests.support.name_server import NameServer, name_server

MACHINES = "vms.demo.internal. TXT"
ADDRESS = "a.vm.demo.internal. AAAA"


@pytest.fixture
async def dns() -> AsyncIterator[NameServer]:
    """A name server that knows nothing yet."""
    async with name_server() as server:
        yield server


@pytest.fixture
def asking(dns: NameServer, monkeypatch: pytest.MonkeyPatch) -> DnsDirectory:
    """Asks it, and has little patience."""
    monkeypatch.setattr(directory, "_SECONDS", 0.2)
    return DnsDirectory("demo", ("127.0.0.1", dns.port))


async def test_machines_are_read_from_a_text_in_pieces(
    dns: NameServer, asking: DnsDirectory
) -> None:
    """A long text comes in pieces of 255 bytes, which are cut anywhere."""
    dns.records[MACHINES] = ['"a ia" "d,b lhr"']

    assert await asking.machines() == [Member("a", "iad"), Member("b", "lhr")]


async def test_an_address_stands_as_a_url_has_it(dns: NameServer, asking: DnsDirectory) -> None:
    """In brackets, as Fly's; a mapped one of the local Fly without."""
    dns.records[ADDRESS] = ["fdaa::3"]
    assert await asking.address("a") == "[fdaa::3]"

    dns.records[ADDRESS] = ["::ffff:127.0.0.9"]
    assert await asking.address("a") == "127.0.0.9"


@pytest.mark.parametrize("texts", [None, [], ['""'], ['"a"'], ['"a iad extra"'], ['"\\255"']])
async def test_what_is_no_list_is_no_news(
    dns: NameServer, asking: DnsDirectory, texts: list[str] | None
) -> None:
    """A missing, empty or broken list must not make a machine think that it is alone."""
    if texts is not None:
        dns.records[MACHINES] = texts

    with pytest.raises(DirectoryError):
        await asking.machines()


async def test_a_name_server_that_is_silent_is_no_news(
    dns: NameServer, asking: DnsDirectory
) -> None:
    """After a bounded time."""
    dns.is_silent = True

    with pytest.raises(DirectoryError, match="the DNS says"):
        await asking.machines()
    with pytest.raises(DirectoryError, match="the DNS says"):
        await asking.address("a")
