"""The stores that the settings ask for."""

from flygate_service.wiring.stores import MachineCount


def test_the_members_count_where_they_are_known() -> None:
    """What is configured counts before there is a cluster, and while its members are unknown."""
    members = 0
    machines = MachineCount(3)
    alone = machines()
    machines.follow(lambda: members)
    unknown = machines()
    members = 5

    assert (alone, unknown, machines()) == (3, 3, 5)
