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
WORKER = "w.vm.demo.internal. AAAA"
GROUP = "web.process.demo.internal. AAAA"


@pytest.fixture
async def dns() -> AsyncIterator[NameServer]:
    """A name server that knows nothing yet."""
    async with name_server() as server:
        yield server


@pytest.fixture
def asking(dns: NameServer, monkeypatch: pytest.MonkeyPatch) -> DnsDirectory:
    """Asks it, and has little patience."""
    monkeypatch.setattr(directory, "_SECONDS", 0.2)
    return DnsDirectory("demo", server=("127.0.0.1", dns.port))


@pytest.fixture
def web(dns: NameServer, asking: DnsDirectory) -> DnsDirectory:
    """Of the group web, in which a and b are; w is a worker."""
    dns.records |= {
        MACHINES: ['"a iad,b iad,w iad"'],
        GROUP: ["fdaa::a", "fdaa::b"],
        ADDRESS: ["fdaa::a"],
        "b.vm.demo.internal. AAAA": ["fdaa::b"],
        WORKER: ["fdaa::c"],
    }
    return DnsDirectory("demo", "web", ("127.0.0.1", dns.port))


async def found(directory: DnsDirectory) -> set[str]:
    """The ids of the machines that it names."""
    return {member.id for member in await directory.machines()}


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


async def test_machines_of_other_groups_are_left_out(dns: NameServer, web: DnsDirectory) -> None:
    """Workers, and those of a second group; what is known of them is asked once."""
    assert await found(web) == {"a", "b"}
    assert sorted(dns.asked) == sorted(
        [MACHINES, GROUP, ADDRESS, "b.vm.demo.internal. AAAA", WORKER]
    )

    dns.asked.clear()
    assert await found(web) == {"a", "b"}
    assert sorted(dns.asked) == sorted([MACHINES, GROUP])


async def test_a_machine_that_moves_stays_in_its_group(dns: NameServer, web: DnsDirectory) -> None:
    """Another host has another address for it."""
    await found(web)
    dns.records |= {ADDRESS: ["fdaa::d"], GROUP: ["fdaa::d", "fdaa::b"]}

    assert await found(web) == {"a", "b"}


async def test_without_the_groups_name_all_are_asked(dns: NameServer, web: DnsDirectory) -> None:
    """Rather one too many than none; but those that are known to be of another group."""
    whole = dns.records.pop(GROUP)
    assert await found(web) == {"a", "b", "w"}

    dns.records[GROUP] = whole
    await found(web)
    del dns.records[GROUP]
    dns.records[MACHINES] = ['"a iad,b iad,w iad,new iad"']
    assert await found(web) == {"a", "b", "new"}


async def test_a_machine_whose_address_is_not_known_may_be_of_the_group(
    dns: NameServer, web: DnsDirectory
) -> None:
    """It says so itself, or does not answer."""
    del dns.records[WORKER]

    assert await found(web) == {"a", "b", "w"}


async def test_one_address_for_all_leaves_none_out(dns: NameServer, web: DnsDirectory) -> None:
    """On a local Fly whose machines have no addresses of their own."""
    dns.records = {name: ["::ffff:127.0.0.1"] for name in dns.records} | {
        MACHINES: dns.records[MACHINES]
    }

    assert await found(web) == {"a", "b", "w"}
