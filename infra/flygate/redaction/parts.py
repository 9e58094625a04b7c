"""`Part`: what of a secret must not be read: all of it, and each part that is secret by itself.

A program seldom prints a secret as it was given: it prints the password of a URL, a field of a JSON
document, a line of a key. Each of these is a part.
"""

from __future__ import annotations

import binascii
import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

# A secret in a document in a document …: no program wraps one deeper.
_DEPTH = 4
# From this length on a piece of a list or of a path can be a secret by itself.
_TOKEN = 8
_LONG_TOKEN = 16
# A number of this length is no measure, but belongs to one document only.
_DIGITS = 6

_NAMES = r"pass(?:word|wd|phrase)?|pwd|secret|token|key|credentials?|auth|signature|sig"
_NAMED = re.compile(rf"(?i)(?:{_NAMES})[\"']?\s*[=:]\s*(\"[^\"]*\"|'[^']*'|[^\s;&,'\"]+)")
_NAME = re.compile(rf"(?i)(?:{_NAMES})$")
_SETTING = re.compile(r"\s*(?:export\s+)?[\w.-]+\s*[=:](?!//)\s*(.+?)\s*")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(\S+)")
_LOGIN = re.compile(r"[^\s:/@]+:([^\s]+)@\S+")
_SCHEME = re.compile(r"(?i)(?:basic|bearer|token|apikey|flyv1)\s+(\S.*)")
_ARMOR = re.compile(r"-----[A-Z0-9 ]+-----")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_SEPARATORS = re.compile(r"[\s,;|]+")


@dataclass(frozen=True, slots=True)
class Part:
    """A text that must not be read.

    Attributes:
        is_whole: it has no parts of its own, so that already its beginning says something secret.
    """

    text: str
    is_whole: bool = True


def parts(secret: str) -> Iterator[Part]:
    """Yield a secret and all its parts, each once."""
    seen, level = {secret}, [secret]
    for depth in range(_DEPTH + 1):
        deeper = list[str]()
        for text in level:
            inner = [one for one in _inner(text) if one and one != text] if depth < _DEPTH else []
            yield Part(text, is_whole=not inner)
            deeper += inner
        level = [one for one in dict.fromkeys(deeper) if one not in seen]
        seen.update(level)


def _inner(text: str) -> Iterator[str]:
    """Yield the parts of one text, of all kinds; each is searched again."""
    yield text.strip()
    yield " ".join(text.split())
    if (document := _json(text)) is not None:
        yield from _leaves(document)
        return
    yield from _lines(text)
    yield from _url(text)
    yield from _named(text)
    yield from _decoded(text)
    yield from _pieces(text)


def _lines(text: str) -> Iterator[str]:
    lines = text.splitlines()
    if len(lines) < 2:
        return
    # The frame of a key is in every key, also in those that are public.
    yield from (line.strip() for line in lines if not _ARMOR.fullmatch(line.strip()))


def _json(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[", '"')):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _leaves(value: Any) -> Iterator[str]:
    match value:
        case dict():
            # A table of tokens has them on its left side.
            yield from (name for name in value if _is_token(name, _LONG_TOKEN))
            for one in value.values():
                yield from _leaves(one)
        case list():
            for one in value:
                yield from _leaves(one)
        case str():
            yield value
        case int() | float() if len(str(value)) >= _DIGITS:
            yield str(value)


def _url(text: str) -> Iterator[str]:
    """The passwords of the URLs in a text, and what else in them gives access."""
    for match in _URL.finditer(text):
        rest = match[1]
        # Not every program ends the authority at the same sign: a password may have / # ? or @.
        for authority in (re.split(r"[/?#]", rest, maxsplit=1)[0], rest):
            yield from _userinfo(authority.rpartition("@")[0])
        yield from _places(match[0])
    if "://" not in text and (login := _LOGIN.fullmatch(text)):
        yield login[1]


def _userinfo(text: str) -> Iterator[str]:
    user, _, password = text.partition(":")
    if password:
        yield from (password, unquote(password), unquote_plus(password))
    # Without a password beside it, or with a fixed word, the name is what gives access.
    if _is_token(user, _LONG_TOKEN if password else _TOKEN):
        yield from (user, unquote(user))


def _places(url: str) -> Iterator[str]:
    try:
        split = urlsplit(url)
    except ValueError:
        return
    for name, value in [*parse_qsl(split.query), *parse_qsl(split.fragment)]:
        if _NAME.search(name) or _is_token(value, _LONG_TOKEN):
            yield value
    yield from (one for one in split.path.split("/") if _is_token(one, _LONG_TOKEN))


def _named(text: str) -> Iterator[str]:
    """`password=…`, as connection strings and settings have it; `Bearer …`."""
    yield from (match[1].strip("\"'") for match in _NAMED.finditer(text))
    for line in text.splitlines():
        if match := _SETTING.fullmatch(line):
            yield match[1].strip("\"'")
        if match := _SCHEME.fullmatch(line.strip()):
            yield match[1]


def _decoded(text: str) -> Iterator[str]:
    """What it says where it is encoded itself: a program decodes it before it prints it."""
    if "%" in text:
        yield unquote(text)
    if "\\" in text:
        yield text.replace("\\n", "\n").replace("\\r", "").replace('\\"', '"').replace("\\\\", "\\")
    compact = "".join(text.split())
    if _BASE64.fullmatch(compact):
        yield _from_base64(compact)
    elif _ARMOR.search(text):
        yield from _keys(text)


def _from_base64(text: str) -> str:
    """The text in it; empty if that is none."""
    standard = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    with_padding = standard + "=" * (-len(standard) % 4)
    try:
        found = codecs.decode(binascii.a2b_base64(with_padding), "utf-8")
    except ValueError:
        return ""
    # Chance makes short texts, and none that are printable and long.
    return found if len(found) >= _TOKEN and _is_readable(found) else ""


def _is_readable(text: str) -> bool:
    return all(one.isprintable() or one in "\r\n\t" for one in text)


def _keys(text: str) -> Iterator[str]:
    """The bodies of keys and certificates, on one line: some programs break it elsewhere."""
    for body in _ARMOR.split(text):
        compact = "".join(body.split())
        if _BASE64.fullmatch(compact):
            yield compact


def _pieces(text: str) -> Iterator[str]:
    """The tokens of a list, and of pairs such as `name:token`."""
    found = [one for one in _SEPARATORS.split(text) if one and "-----" not in one]
    for one in found if len(found) > 1 else []:
        if _is_token(one, _TOKEN):
            yield one
    for one in found:
        name, colon, value = one.partition(":")
        if colon and name and not value.startswith("//") and _is_token(value, _TOKEN):
            yield value


def _is_token(text: str, length: int) -> bool:
    """It looks made by chance: words and names of hosts do not."""
    if len(text) < length or any(one.isspace() for one in text):
        return False
    kinds = [any(map(kind, text)) for kind in (str.islower, str.isupper, str.isdigit)]
    return sum(kinds) >= 2
