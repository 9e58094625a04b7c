"""Which error Pulumi means. The only place that reads its English, where its exit code is general.

Pulumi's exit codes: https://www.pulumi.com/docs/iac/cli/exit-codes/ (3.226.1 and later).
"""

from __future__ import annotations

import re
from typing import Final

from flygate.pulumi.errors import (
    BackendError,
    CutOffError,
    NoRoomError,
    NoSuchStackError,
    PulumiError,
    StackExistsError,
    StackLockedError,
    UnsetKeyError,
    WrongPassphraseError,
)

_BY_EXIT_CODE: Final[dict[int, type[PulumiError]]] = {3: BackendError, 6: NoSuchStackError}
# The first that fits. `tests/infra/pulumi/test_complaint.py` has each as Pulumi printed it.
_BY_TEXT: Final[tuple[tuple[re.Pattern[str], type[PulumiError]], ...]] = (
    (re.compile(r"no stack named '.*' found"), NoSuchStackError),
    (re.compile(r"stack '.*' already exists"), StackExistsError),
    (re.compile(r"configuration key '.*' not found"), UnsetKeyError),
    (re.compile(r"no space left on device"), NoRoomError),
    (re.compile(r"unexpected end of JSON input"), CutOffError),
    (re.compile(r"currently locked"), StackLockedError),
    (re.compile(r"passphrase|decrypt"), WrongPassphraseError),
    (re.compile(r"PULUMI_ACCESS_TOKEN|login|unable to open"), BackendError),
)


def kind_of(text: str, exit_code: int = 1) -> type[PulumiError]:
    """Return the class of an error.

    Args:
        text: what Pulumi wrote on standard error, or an error out of what it printed.
        exit_code: Pulumi's own.
    """
    if kind := _BY_EXIT_CODE.get(exit_code):
        return kind
    return next((kind for sign, kind in _BY_TEXT if sign.search(text)), PulumiError)
