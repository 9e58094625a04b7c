"""The private DNS, asked by an ordinary resolver over UDP and TCP (docs/fly-api.md 6.2)."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import dns.asyncquery
import dns.asyncresolver
import dns.message
import dns.rcode
import dns.rdatatype
import pytest
import pytest_asyncio
from localfly.dns.server import DnsServer
from localfly.dns.zone import Addresses, Text, Zone
from localfly.machines.machine import Machine

from tests.support.localfly import Machines, local_machines

integration = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class World:
    machines: Machines
    ids: dict[str, str]
    addresses: dict[str, str]

    async def ask(self, name: str, kind: str = "A", **how: Any) -> list[str]:
        """The records, as text."""
        answer = await self.query(name, kind, **how)
        assert answer.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}
        return [record.to_text() for rrset in answer.answer for record in rrset]

    async def text(self, name: str, **how: Any) -> str:
        """A TXT record's strings, joined."""
        (answer,) = (await self.query(name, "TXT", **how)).answer
        assert answer.ttl == 5
        return b"".join(answer[0].strings).decode()

    async def query(self, name: str, kind: str, **how: Any) -> dns.message.Message:
        host, port = self.machines.fly.dns.split(":")
        assert host == "127.0.0.1"
        asked = dns.message.make_query(name, kind)
        answer, _ = await dns.asyncquery.udp_with_fallback(
            asked, host, port=int(port), timeout=5, **how
        )
        return answer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Started: a and b in iad, c in fra, d in another app. Stopped: e. Hidden: f. No test of this
    file changes it.
    """
    async with local_machines(tmp_path_factory.mktemp("dns") / "state") as made:
        await made.api.post("/v1/apps", json={"name": "other", "org_slug": "personal"})
        other = Machines(made.fly, made.api, made.proxy, "other", made.digest)
        config = made.config(metadata={"fly_process_group": "web", "color": "blue"})
        hidden = made.config(dns={"skip_registration": True})
        created = {
            "a": await made.create(config=config, region="iad"),
            "b": await made.create(region="iad"),
            "c": await made.create(region="fra"),
            "d": await other.create(region="syd"),
            "e": await made.create(region="iad", skip_launch=True),
            "f": await made.create(config=hidden, region="iad"),
        }
        for name in "abcf":
            await made.wait(created[name]["id"], "started")
        await other.wait(created["d"]["id"], "started")
        await made.wait(created["e"]["id"], "stopped")
        yield World(
            made,
            {name: machine["id"] for name, machine in created.items()},
            {name: machine["private_ip"] for name, machine in created.items()},
        )


class TestNames:
    """Every name of the documented table."""

    pytestmark = integration

    @pytest.mark.parametrize(
        ("name", "machines"),
        [
            ("demo.internal", "abc"),
            ("global.demo.internal", "abc"),
            ("iad.demo.internal", "ab"),
            ("fra.demo.internal", "c"),
            ("syd.demo.internal", ""),
            ("top9.nearest.of.demo.internal", "abc"),
            ("{a}.vm.demo.internal", "a"),
            ("{e}.vm.demo.internal", ""),
            ("{d}.vm.demo.internal", ""),
            ("web.process.demo.internal", "a"),
            ("blue.color.kv._metadata.demo.internal", "a"),
            ("other.internal", "d"),
            ("DEMO.Internal", "abc"),
        ],
    )
    async def test_addresses(self, world: World, name: str, machines: str) -> None:
        """Started machines only; as A, and mapped as AAAA."""
        full = re.sub(r"\{(\w)\}", lambda found: world.ids[found[1]], name)
        expected = sorted(world.addresses[machine] for machine in machines)
        assert sorted(await world.ask(full)) == expected
        mapped = sorted(await world.ask(full, "AAAA"))
        assert mapped == sorted(f"::ffff:{address}" for address in expected)

    async def test_texts(self, world: World) -> None:
        """Machines, regions, apps and instances, in Fly's spelling."""
        pairs = [(world.ids["a"], "iad"), (world.ids["b"], "iad"), (world.ids["c"], "fra")]
        vms = ",".join(f"{machine} {region}" for machine, region in sorted(pairs))
        assert await world.text("vms.demo.internal") == vms
        assert await world.text("regions.demo.internal") == "fra,iad"
        assert await world.text("_apps.internal") == "demo,other"
        assert world.ids["e"] in await world.text("all.vms.demo.internal")
        instances = (await world.text("_instances.internal")).split(";")
        one = world.ids["d"], world.addresses["d"]
        assert f"instance={one[0]},app=other,ip={one[1]},region=syd" in instances
        assert len(instances) == 4
        assert len((await world.text("all._instances.internal")).split(";")) == 5

    @pytest.mark.parametrize(
        ("name", "code"),
        [
            ("unknown.internal", dns.rcode.NXDOMAIN),
            ("what.is.this.demo.internal", dns.rcode.NXDOMAIN),
            ("example.com", dns.rcode.REFUSED),
            ("internal", dns.rcode.NXDOMAIN),
        ],
    )
    async def test_names_that_are_none(
        self, world: World, name: str, code: dns.rcode.Rcode
    ) -> None:
        """Unknown ones do not exist; of the internet this resolver knows nothing."""
        assert (await world.query(name, "A")).rcode() == code

    async def test_who_asks_decides_what_is_near(self, world: World) -> None:
        """A machine is known by the address that it asks from; any other client
        is at home (iad).
        """
        near = await world.ask("top1.nearest.of.demo.internal")
        assert near[0] in {world.addresses["a"], world.addresses["b"]}
        from_c = await world.ask("top1.nearest.of.demo.internal", source=world.addresses["c"])
        assert from_c == [world.addresses["c"]]

    async def test_a_resolver_finds_its_way(self, world: World) -> None:
        """As the service would ask on Fly, with nothing but the variable FLYGATE_DNS."""
        answer = await world.machines.ask("/env?FLYGATE_DNS")
        assert answer.text == world.machines.fly.dns
        host, port = answer.text.split(":")
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = [host], int(port)
        found = await resolver.resolve("vms.demo.internal", "TXT")
        assert world.ids["a"] in found[0].to_text()

    async def test_nonsense_is_dropped(self, world: World) -> None:
        """The server lives on."""
        host, port = world.machines.fly.dns.split(":")
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(host, int(port))
        )
        for data in (b"", b"x", os.urandom(200)):
            transport.sendto(data)
        transport.close()
        assert await world.ask("demo.internal")


def machine(number: int, **changes: Any) -> Machine:
    """A started machine that is nowhere but here."""
    config = type("Config", (), {"raw": {}, "metadata": {}})()
    fields = {"state": "started", "app": "demo", "region": "iad", "config": config, **changes}
    identifier = f"{number:014x}"
    return Machine(
        id=identifier,
        name=identifier,
        address=f"127.9.{number // 250}.{number % 250 + 1}",
        created_at=0,
        updated_at=0,
        **fields,
    )


def test_long_texts_come_over_tcp() -> None:
    """What fits into no datagram is cut and marked so; TCP gives all of it in short strings."""
    crowd = [machine(number) for number in range(300)]
    server = DnsServer(lambda: crowd, lambda: {"demo"}, "iad")
    asked = dns.message.make_query("vms.demo.internal", "TXT", use_edns=False).to_wire()
    short = server.answer(asked, "127.0.0.1", over_udp=True)
    assert short is not None
    assert len(short) <= 512
    assert dns.message.from_wire(short).flags & dns.flags.TC
    whole = server.answer(asked, "127.0.0.1", over_udp=False)
    assert whole is not None
    strings = dns.message.from_wire(whole).answer[0][0].strings
    assert max(map(len, strings)) == 255
    assert b"".join(strings).decode().count(",") == 299


def test_a_partitioned_machine_is_cut_off_both_ways() -> None:
    """It gets no answer, and is in none."""
    here, there = machine(1), machine(2)
    cut_off = {there.id}
    server = DnsServer(lambda: [here, there], lambda: {"demo"}, "iad", cut_off)
    asked = dns.message.make_query("demo.internal", "A").to_wire()
    assert server.answer(asked, there.address, over_udp=True) is None
    seen = server.answer(asked, here.address, over_udp=True)
    assert seen is not None
    assert [r.to_text() for r in dns.message.from_wire(seen).answer[0]] == [here.address]
    cut_off.clear()
    assert server.answer(asked, there.address, over_udp=True) is not None


def test_only_started_machines_are_found() -> None:
    """Whatever else a machine is, it is in `all.` only; a destroyed one nowhere."""
    states = ["created", "starting", "started", "stopping", "stopped", "suspended", "replacing"]
    crowd = [machine(number, state=state) for number, state in enumerate(states)]
    zone = Zone(crowd, {"demo"}, "iad")
    assert zone.find(["demo"]) == Addresses((crowd[2].address,))
    assert zone.find(["vms", "demo"]) == Text(f"{crowd[2].id} iad")
    everything = zone.find(["all", "vms", "demo"])
    assert isinstance(everything, Text)
    assert everything.value.count(",") == len(states) - 1


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no other loopback addresses")
def test_the_closest_come_first() -> None:
    """By the round-trip time from the asker."""
    crowd = [machine(n, region=r) for n, r in enumerate(["syd", "fra", "iad", "ewr"])]
    zone = Zone(crowd, {"demo"}, "cdg")
    found = zone.find(["top2", "nearest", "of", "demo"])
    assert found == Addresses((crowd[1].address, crowd[3].address))
