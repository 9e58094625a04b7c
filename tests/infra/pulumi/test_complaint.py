"""Each error as Pulumi 3.259.0 printed it, with its exit code, and the class that it gets."""

from __future__ import annotations

import pytest
from flygate.pulumi import errors
from flygate.pulumi.complaint import kind_of
from flygate.system.errors import DiskFullError

RECORDED = [
    (6, "error: no stack named 'demo' found", errors.NoSuchStackError),
    (1, "error: stack 'organization/flygate/demo' already exists", errors.StackExistsError),
    (1, "error: configuration key 'pin' not found for stack 'demo'", errors.UnsetKeyError),
    (
        1,
        "error: configuration key 'secrets.ADMIN_TOKEN' not found for stack 'demo'",
        errors.UnsetKeyError,
    ),
    (1, "error: incorrect passphrase", errors.WrongPassphraseError),
    (
        1,
        "error: getting stack configuration: get stack secrets manager: passphrase must be set with"
        " PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables",
        errors.WrongPassphraseError,
    ),
    (
        3,
        "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions",
        errors.BackendError,
    ),
    (
        1,
        'error: unable to open state directory "file:///nowhere/x": stat /nowhere/x: no such file'
        " or directory",
        errors.BackendError,
    ),
    (
        1,
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es)"
        " to end or delete the lock file with `pulumi cancel`.\n"
        "  file:///state/.pulumi/locks/organization/flygate/demo/0f3a.json: created by"
        " ann@elsewhere (pid 1) at 2026-11-30T18:00:00Z",
        errors.StackLockedError,
    ),
    (1, "error: unexpected end of JSON input", errors.CutOffError),
    (
        1,
        "error: failed to load checkpoint: place 1: unexpected end of JSON input",
        errors.CutOffError,
    ),
    (
        255,
        "error: failed to save snapshot: write prod.json: no space left on device",
        errors.NoRoomError,
    ),
    (1, "error: something that was never seen before", errors.PulumiError),
]


@pytest.mark.parametrize(("exit_code", "text", "kind"), RECORDED)
def test_a_recorded_error_has_its_class(
    exit_code: int, text: str, kind: type[errors.PulumiError]
) -> None:
    """A Pulumi of another version that words it differently fails here, and only here."""
    assert kind_of(text, exit_code) is kind


def test_an_exit_code_counts_more_than_words() -> None:
    """Where Pulumi has one of its own for an error, its wording may change."""
    assert kind_of("error: no such thing", 6) is errors.NoSuchStackError
    assert kind_of("error: sign in first", 3) is errors.BackendError


def test_a_full_disk_is_one_error_wherever_it_is_met() -> None:
    """Pulumi's is caught where Flygate's own is."""
    assert issubclass(errors.NoRoomError, DiskFullError)
