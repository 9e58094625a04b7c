"""Names of images."""

import pytest
from localfly.errors import InvalidArgumentError
from localfly.images.reference import ImageRef

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("nginx", ImageRef("docker.io", "library/nginx", "latest")),
        ("nginx:1.25", ImageRef("docker.io", "library/nginx", "1.25")),
        ("superfly/demo:v1", ImageRef("docker.io", "superfly/demo", "v1")),
        ("localhost/a/b", ImageRef("localhost", "a/b", "latest")),
        ("127.0.0.1:5000/a:b", ImageRef("127.0.0.1:5000", "a", "b")),
        (f"registry.fly.io/x@{DIGEST}", ImageRef("registry.fly.io", "x", "", DIGEST)),
        (f"registry.fly.io/x:d-1@{DIGEST}", ImageRef("registry.fly.io", "x", "d-1", DIGEST)),
    ],
)
def test_references_are_split_as_docker_does(text: str, parsed: ImageRef) -> None:
    """Registry, repository, tag and digest, with Docker's defaults."""
    assert ImageRef.parse(text) == parsed
    assert ImageRef.parse(str(parsed)) == parsed


@pytest.mark.parametrize("wrong", ["", "a b", f"x@{DIGEST}0", "x@sha256:abc", "x:", None, 5])
def test_what_is_no_reference_is_refused(wrong: object) -> None:
    """With the forms that are one."""
    with pytest.raises(InvalidArgumentError, match=r"nginx:1\.25"):
        ImageRef.parse(wrong)
