"""Secret values, encrypted before they reach the disk."""

from pathlib import Path

import pytest
from localfly.state.cipher import Cipher

from tests.support.full_disk import files_of_at_most

# As a former version sealed it, by a key of the bytes 0 to 31.
FORMER = "cjK1/gu1yhHA/o6IgZRlVRpLDUIYJ0wfXqJ+if40uXl+gZn1cmAUHuoT7SvjFS4IknWcXy6fVc0W2yGImBPHjSNy"


def test_a_cipher_decrypts_what_it_encrypted_and_nothing_else(tmp_path: Path) -> None:
    """Neither altered text nor another key's; equal values look different."""
    cipher = Cipher.of_file(tmp_path / "key")
    for text in ("", "secret", "ü" * 200):
        sealed = cipher.encrypt(text)
        assert text not in sealed or not text
        assert cipher.decrypt(sealed) == text
        assert cipher.encrypt(text) != sealed
        assert Cipher.of_file(tmp_path / "key").decrypt(sealed) == text
        with pytest.raises(ValueError, match="does not belong"):
            Cipher.of_file(tmp_path / "other").decrypt(sealed)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_cipher_decrypts_what_a_former_version_encrypted() -> None:
    """It refuses it like anything else if it was altered; it closes nothing in that form."""
    cipher = Cipher(bytes(range(32)))

    assert cipher.decrypt(FORMER) == "a secret of before"
    assert cipher.encrypt("x").startswith("aesgcm:")
    altered = FORMER[:30] + ("A" if FORMER[30] != "A" else "B") + FORMER[31:]
    for wrong in (altered, "", "aesgcm:", "aesgcm:AAAA", "aesgcm:!", f"aesgcm:{FORMER}"):
        with pytest.raises(ValueError, match=r"."):
            cipher.decrypt(wrong)


def test_a_key_that_finds_no_room_is_no_key(tmp_path: Path) -> None:
    """An empty one would seal nothing, for ever."""
    with files_of_at_most(10), pytest.raises(OSError, match="too large"):
        Cipher.of_file(tmp_path / "key")

    sealed = Cipher.of_file(tmp_path / "key").encrypt("secret")

    assert (tmp_path / "key").stat().st_size == 32
    assert Cipher.of_file(tmp_path / "key").decrypt(sealed) == "secret"
