"""ULIDs and request ids."""

from localfly.timing.ulid import RequestIds, ulid


def test_ids() -> None:
    """ULIDs sort by time; request ids are unique and end with their region."""
    ulids = [ulid() for _ in range(3)]
    assert all(len(one) == 26 for one in ulids)
    assert ulids[0][:10] <= ulids[-1][:10]
    ids = RequestIds("iad")
    made = {ids.next() for _ in range(1000)}
    assert len(made) == 1000
    assert all(one.endswith("-iad") and len(one) == 30 for one in made)
