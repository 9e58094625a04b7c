"""How programs write a secret, so that it is one still and does not look like one."""

from __future__ import annotations

import base64
import html
import json
import quopri
import shlex
from collections.abc import Callable, Mapping
from urllib.parse import quote, quote_plus

Disguise = Callable[[str], str]


def encoded(text: str) -> bytes:
    """As UTF-8, also halves of letters, which only Python knows."""
    return text.encode("utf-8", "surrogatepass")


def base64_within(shift: int, encode: Callable[[bytes], bytes] = base64.b64encode) -> Disguise:
    """In the middle of a longer encoded text; the shift says where the bytes begin."""
    around = b"xyzzy="[: 3 + shift]
    return lambda text: encode(around + encoded(text) + b" and so on").decode()


def wrapped(text: str) -> str:
    """As `base64` and mails break it."""
    return base64.encodebytes(b"before: " * 9 + encoded(text) + b" after" * 12).decode()


def every_letter(text: str) -> str:
    """A URL may have any letter encoded."""
    return "".join(f"%{byte:02X}" for byte in encoded(text))


DISGUISES: Mapping[str, Disguise] = {
    "as it is": lambda text: text,
    "quoted": lambda text: quote(text, safe="", errors="surrogatepass"),
    "quoted, but for slashes": lambda text: quote(text, errors="surrogatepass"),
    "quoted in small letters": lambda text: (
        quote(text, safe="", errors="surrogatepass").lower()
        if text.islower()
        else quote(text, errors="surrogatepass")
    ),
    "of a form": lambda text: quote_plus(text, errors="surrogatepass"),
    "every letter quoted": every_letter,
    "password of a URL": lambda text: (
        f"redis://default:{quote(text, safe='', errors='surrogatepass')}@host:6379/0"
    ),
    "in a request line": lambda text: (
        f"GET /x?token={quote_plus(text, errors='surrogatepass')}&a=1"
    ),
    "JSON": json.dumps,
    "JSON with all letters": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON of JavaScript": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON of Go": lambda text: (
        json.dumps(text).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    ),
    "a document": lambda text: json.dumps({"error": {"detail": text}}, indent=1),
    "repr": repr,
    "ascii": ascii,
    "repr of bytes": lambda text: repr(encoded(text)),
    "repr of a dict": lambda text: repr({"password": text, "list": [text]}),
    "of a mail": lambda text: quopri.encodestring(encoded(text), quotetabs=True).decode(),
    "HTML": html.escape,
    "HTML by numbers": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "for a shell": shlex.quote,
    "for SQL": lambda text: "'" + text.replace("'", "''") + "'",
    "CSV": lambda text: '"' + text.replace('"', '""') + '"',
    "base64": lambda text: base64.b64encode(encoded(text)).decode(),
    "base64 without padding": lambda text: base64.b64encode(encoded(text)).decode().rstrip("="),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(encoded(text)).decode(),
    "base64 within 0": base64_within(0),
    "base64 within 1": base64_within(1),
    "base64 within 2": base64_within(2),
    "base64 for URLs within 1": base64_within(1, base64.urlsafe_b64encode),
    "base64 of two bytes a letter": lambda text: base64.b64encode(
        text.encode("utf-16-le", "surrogatepass")
    ).decode(),
    "base64 in lines": wrapped,
    "base64 on one line": lambda text: " ".join(wrapped(text).split()),
    "Basic": lambda text: "Basic " + base64.b64encode(b"default:" + encoded(text)).decode(),
    "base32": lambda text: base64.b32encode(encoded(text)).decode(),
    "hex": lambda text: encoded(text).hex(),
    "HEX": lambda text: encoded(text).hex().upper(),
    "hex with colons": lambda text: encoded(text).hex(":"),
    "hex with blanks": lambda text: encoded(text).hex(" "),
    "hex as in C": lambda text: ", ".join(f"0x{byte:02x}" for byte in encoded(text)),
    "a list of numbers": lambda text: json.dumps(list(encoded(text))),
    "in the middle of words": lambda text: f"before{text}after",
}


def disguised(text: str) -> Mapping[str, str]:
    """Each disguise of a text, and each disguise of a disguise."""
    once = {name: disguise(text) for name, disguise in DISGUISES.items()}
    twice = {
        f"{outer}, of {inner}": DISGUISES[outer](said)
        for inner, said in once.items()
        for outer in DISGUISES
    }
    return {**once, **twice}
