"""No secret in any text that is shown."""

from __future__ import annotations

import base64
import json
import random
import re
import secrets as chance
import textwrap
import time
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import pytest
from flygate.redaction.redact import CUT, MASK, SHORTEST, Redactor, cut
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.disguises import DISGUISES, disguised

# Values that can't be part of the mask or of a JSON escape by chance.
secrets = st.text(alphabet='qwzQWZ73\n"\\é\U0001f511', min_size=SHORTEST, max_size=20).filter(
    lambda value: len(value.strip()) >= SHORTEST
)
words = st.text(alphabet="abc [].:", max_size=20)
# Anything that a person or a generator may choose, and that is no part of a disguise by chance.
canaries = st.text(
    alphabet="kqzKQZ4567-_/+=%&?#@:,'\"\\<>$! \té\u200b\u4e2d\U0001f511\ud83d",
    min_size=6,
    max_size=24,
).filter(lambda value: len(value.strip()) >= 6 and len(set(value)) > 3)
names = st.sampled_from(sorted(DISGUISES))


@given(values=st.lists(secrets, min_size=1, max_size=5), around=words)
def test_no_value_survives_in_plain_text_or_in_json(values: list[str], around: str) -> None:
    """Whatever the text, a value is gone, also as JSON writes it."""
    redact = Redactor(values)
    text = around.join(["", *values, ""])

    for shown in (redact(text), redact(json.dumps({"text": text}))):
        for value in values:
            assert value not in shown
            assert json.dumps(value)[1:-1] not in shown


@given(values=st.lists(secrets, max_size=5), text=words)
def test_text_without_a_value_stays_as_it_is(values: list[str], text: str) -> None:
    """Masking hides secrets, and nothing else."""
    assert Redactor(values)(text) == text


@given(canary=canaries, inner=names, outer=names, others=st.lists(canaries, max_size=3))
@example(canary="+?'\t&\\''", inner="for a shell", outer="CSV", others=[])
@example(canary="it's é\u200b", inner="repr", outer="base64 within 1", others=[])
def test_no_disguise_of_a_disguise_gets_through(
    canary: str, inner: str, outer: str, others: list[str]
) -> None:
    """However a program writes a secret, and another one writes that again."""
    text = DISGUISES[outer](DISGUISES[inner](canary))

    shown = Redactor([*others, canary])(f"it failed: {text} (see above)")

    assert MASK in shown
    assert text not in shown


def test_nothing_is_left_of_any_disguise() -> None:
    """Of each disguise, and of each of each, all is masked that another value would change."""
    canary, *others = tokens(6, 4)
    redact, forms = Redactor([canary]), [disguised(other) for other in others]
    for name, text in disguised(canary).items():
        # These change with the length of a number, or with a letter's case.
        if not re.search("by numbers|list of numbers|small letters|two bytes", name):
            telling = differences(text, [form[name] for form in forms])
            assert telling
            assert not telling & visible(text, redact(text)), name


def tokens(length: int, count: int) -> list[str]:
    """Made by chance, the same in each run."""
    pick = random.Random(20261124).choices
    return ["".join(pick("abcdefghkmXYZ23456789", k=length)) for _ in range(count)]


def differences(text: str, others: Sequence[str]) -> set[int]:
    """Where others differ from a text, by places; those of another length are left out."""
    alike = [other for other in others if len(other) == len(text)]
    return {at for other in alike for at, one in enumerate(other) if one != text[at]}


def visible(text: str, shown: str) -> set[int]:
    """The letters of a text that were not masked, by their places."""
    seen, at = set[int](), 0
    *pieces, last = shown.split(MASK)
    for number, piece in enumerate(pieces):
        at = text.index(piece, at) if number else 0
        seen |= set(range(at, at + len(piece)))
        at += len(piece)
    assert text.endswith(last)
    return seen | set(range(len(text) - len(last), len(text)))


KEY = "\n".join(
    [
        "-----BEGIN PRIVATE KEY-----",
        *("MIIE" + "canary7Q" * 7 + str(number) * 4 for number in range(3)),
        "AbCdEf==",
        "-----END PRIVATE KEY-----",
        "",
    ]
)


@pytest.mark.parametrize(
    ("secret", "printed"),
    [
        ("postgres://app:s3cr%2Fet!@db:5432/shop", ["s3cr%2Fet!", "s3cr/et!"]),
        ("redis://:canary-1@host:6379", ["canary-1"]),
        ("mongodb+srv://u:p@ss/w0rd#x@h1:1,h2:2/db?w=1", ["p@ss/w0rd#x"]),
        ("postgres://db/shop?user=a&password=can%20ary", ["can ary", "can%20ary", "can+ary"]),
        ("https://0123456789abcdef@errors.example/7", ["0123456789abcdef"]),
        ("https://ghp_abcdef0123456789:x-oauth-basic@code.example/a", ["ghp_abcdef0123456789"]),
        ("https://hooks.example/services/T0A/B0B/AbCdEfGhIjKlMnOpQrSt", ["AbCdEfGhIjKlMnOpQrSt"]),
        ("app:hunter22@tcp(127.0.0.1:3306)/shop", ["hunter22"]),
        ("host=db user=app password='my canary' port=1", ["my canary"]),
        ("Server=db;Password=canary77;Encrypt=true", ["canary77"]),
        ("Bearer canary.canary", ["canary.canary"]),
        ("Basic " + base64.b64encode(b"user:canary").decode(), ["canary", "user:canary"]),
        ('{"a": [{"password": "canary-3"}], "pin": 482913}', ["canary-3", "482913"]),
        (json.dumps({"url": "redis://x:canary-4@h"}), ["canary-4"]),
        (json.dumps({"key": KEY}), [*KEY.split("\n")[1:4], "AbCdEf=="]),
        ('{"cafe0123456789abcdef": "admin"}', ["cafe0123456789abcdef"]),
        (base64.b64encode(b'{"password": "canary-5"}').decode(), ["canary-5"]),
        (base64.b64encode(KEY.encode()).decode(), KEY.split("\n")[1:4]),
        (KEY, [*KEY.split("\n")[1:4], "".join(KEY.split("\n")[1:5])]),
        (KEY.replace("\n", "\\n"), KEY.split("\n")[1:4]),
        (KEY, [" ".join(KEY.split())]),
        (KEY, ["\n".join(textwrap.wrap("".join(KEY.split("\n")[1:5]), 76))]),
        ("tokenABC123" * 9, ["\n  ".join(textwrap.wrap("tokenABC123" * 9, 40))]),
        ("ONE=canary1\nexport TWO='canary 2'\n", ["canary1", "canary 2"]),
        ("ann:scrypt$abcDEF123,bob:scrypt$xyzXYZ789", ["scrypt$abcDEF123", "scrypt$xyzXYZ789"]),
        ("tokenA1111, tokenB2222", ["tokenA1111", "tokenB2222"]),
        ("fm2_abcABC123,fm2_defDEF456", ["fm2_abcABC123", "fm2_defDEF456"]),
        (" canary-6\n", ["canary-6"]),
        ("two  canary\twords", ["two canary words"]),
        ("käse-canary", ["ka\u0308se-canary", quote("käse-canary")]),
    ],
)
def test_a_part_that_is_a_secret_by_itself_is_hidden(secret: str, printed: list[str]) -> None:
    """The password of a URL, a field of a document, a line of a key: programs print these."""
    redact = Redactor([secret])
    for part in printed:
        assert MASK in redact(f"it is {part}.")
        assert part not in redact(f"it is {part}.")


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        (
            "postgres://app:canary-1@db.internal:5432/shop",
            "postgres://db.internal:5432/shop as app",
        ),
        ("https://hooks.example/services/AbCdEfGhIjKlMnOpQrSt", "see https://hooks.example/"),
        (KEY, "no -----BEGIN PRIVATE KEY----- in the file"),
        (json.dumps({"name": "canary"}), '{"name": 7}'),
        ("canary-1234567890", "a canary"),
    ],
)
def test_what_is_no_secret_in_a_secret_is_left(secret: str, text: str) -> None:
    """The name of a host is needed to find out what is wrong."""
    assert Redactor([secret])(text) == text


def test_each_line_of_a_value_of_several_lines_is_hidden() -> None:
    """A private key is printed line by line, so each of its lines is a secret."""
    redact = Redactor(["-----BEGIN-----\nMIIBcanary\n-----END-----"])

    assert redact("read MIIBcanary from the file") == f"read {MASK} from the file"


def test_a_secret_within_a_longer_one_leaves_no_rest() -> None:
    """The longer one goes first, or half of it would be left to read."""
    assert Redactor(["pass", "password-of-ann"])("password-of-ann, pass") == f"{MASK}, {MASK}"


def test_short_values_are_left() -> None:
    """Masking `on` everywhere would show where it stands, and spoil every text."""
    assert Redactor(["on", "1", ""])("on line 1") == "on line 1"


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("prod", "prod, in production", f"{MASK}, in {MASK}"),
        ("8080", "port 8080, not 18080", f"port {MASK}, not {MASK}"),
        ("ab1!", "xab1!y", f"x{MASK}y"),
        ("prod", "reproduce it", f"{MASK} it"),
    ],
)
def test_a_short_word_takes_the_whole_word_with_it(secret: str, text: str, shown: str) -> None:
    """`[secret]uction` would show a value of four letters."""
    assert Redactor([secret])(text) == shown


def test_the_word_in_the_mask_may_be_a_secret() -> None:
    """A text may be redacted twice: for the journal, and for the error at the end."""
    redact = Redactor(["secret"])

    assert redact(redact("it is secret")) == f"it is {MASK}"


class TestCut:
    """A text that was cut before it came here has the beginning of a secret at its end."""

    canary = "Tr0ub4dor-and-3-canaries"

    @pytest.mark.parametrize("length", range(8, 60))
    def test_nearly_nothing_is_left_before_a_mark(self, length: int) -> None:
        """Of no disguise are more than three or four letters left to read."""
        canary, *others = tokens(24, 20)
        redact = Redactor([canary])
        for name, disguise in DISGUISES.items():
            text = disguise(canary)
            telling = differences(text, [disguise(other) for other in others])
            of_a_letter = (len(text) - len(disguise(""))) / len(canary)
            short = cut(text, length)
            left = {at for at in telling & visible(short, redact(short)) if at < length - 1}
            assert len(left) < 4 * of_a_letter + 6, name

    def test_a_mark_may_stand_apart(self) -> None:
        """As it does where it says how much more there was."""
        assert Redactor([self.canary])("it is Tr0ub … (9 more)") == f"it is {MASK} … (9 more)"

    @pytest.mark.parametrize("end", ["", "\nand so on", "..."])
    def test_a_longer_beginning_is_hidden_where_a_text_or_a_line_ends(self, end: str) -> None:
        """Not all who cut put a mark."""
        assert Redactor([self.canary])(f"it is Tr0ub4dor-{end}") == f"it is {MASK}{end}"

    def test_a_beginning_is_left_elsewhere(self) -> None:
        """Or a secret that begins with a word would take it away everywhere."""
        text = "Tr0ub4dor and the others"
        assert Redactor([self.canary])(text) == text

    def test_a_short_text_is_not_cut(self) -> None:
        """And a long one is as long as it may be, with its mark."""
        assert cut("abcd", 4) == "abcd"
        assert cut("abcde", 4) == f"abc{CUT}"


def test_data_is_plain_json_without_secrets() -> None:
    """Also its names may have come from a machine; its numbers stay numbers."""
    reported = {
        "canary-1": ["x canary-1", {"n": 12, "f": 0.5, "none": None}],
        "t": ("canary-1", True),
    }

    assert Redactor(["canary-1"]).data(reported) == {
        MASK: [f"x {MASK}", {"n": 12, "f": 0.5, "none": None}],
        "t": [MASK, True],
    }


def bundle(size: int) -> str:
    """Certificates, as long as that."""
    body = base64.b64encode(chance.token_bytes(size)).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    parts = [lines[at : at + 24] for at in range(0, len(lines), 24)]
    frame = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")
    return "\n".join("\n".join([frame[0], *part, frame[1]]) for part in parts)


def log_lines(count: int) -> Iterator[str]:
    """As machines write them: most words come again, some do not."""
    for number in range(count):
        yield (
            f"v7-iad-{number} (machine {chance.token_hex(7)}): its checks do not pass after 30 s: "
            f"http-8080 is critical: GET http://10.0.0.{number % 250}:8080/x?page=%20{number}"
        )


def test_it_is_fast_with_many_large_secrets() -> None:
    """300 secrets and a bundle of 60 KB: a line of a log costs less than a write to the disk."""
    values = [chance.token_urlsafe(60) for _ in range(300)] + [bundle(44_000)]
    began = time.process_time()
    redact = Redactor(values)
    built, began = time.process_time() - began, time.process_time()
    for line in log_lines(1000):
        assert redact(line) == line
    took, began = time.process_time() - began, time.process_time()
    assert redact(values[-1]) == MASK
    at_once = time.process_time() - began

    # Some 0.15 s, 0.15 s and 0.2 s; a slow computer may need longer.
    assert built < 3
    assert took < 3
    assert at_once < 5


@pytest.mark.parametrize(
    "noise", ["\\", "%25", "&amp;", "''", "%2525&amp;\\\\x5c", "A", "0a ", "1,"]
)
def test_no_text_keeps_it_busy(noise: str) -> None:
    """A machine may print what it likes."""
    redact = Redactor(["canary-12345", 'it\'s "canary"'])
    began = time.process_time()
    redact(noise * (16_000 // len(noise)))
    assert time.process_time() - began < 5
