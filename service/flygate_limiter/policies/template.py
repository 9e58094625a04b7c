"""Path templates as starlette reads them: `/items/{id}`, `/files/{path:path}`; and `/api/*`.

What a framework would never match is refused with the nearest form that it does. Nothing of
starlette is imported; a test holds that both match alike.
"""

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import count
from typing import Final, Self
from urllib.parse import unquote

from flygate_limiter.errors import PolicyError, shown

_KINDS: Final = {
    "str": "[^/]+",
    "path": ".*",
    "int": "[0-9]+",
    "float": r"[0-9]+(?:\.[0-9]+)?",
    "uuid": "[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}",
}
# What other frameworks call them.
_KINDS_ELSEWHERE: Final = {"string": "str", "slug": "str", "number": "int", "any": "path"}
_EXAMPLES: Final = {"int": "1", "float": "1", "uuid": "0" * 32}
_PARAMETER: Final = re.compile(r"{([a-zA-Z_][a-zA-Z0-9_]*)(?::(str|path|int|float|uuid))?}")

# Of other ways to write a template: what it looks like, and what is meant.
_ELSEWHERE: Final = (
    (re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*"), "", "a route has no scheme and no host"),
    (re.compile(r"^\^|\$$"), "", "a route is no regular expression"),
    (re.compile(r"\(\?P<(\w+)>[^)]*\)"), r"{\1}", "a route is no regular expression"),
    (re.compile(r"\(?\\[dw][+*]?\)?"), "{name}", "a route is no regular expression"),
    (re.compile(r"<(?:(\w+):)?(\w+)>"), r"{\2:\1}", "a parameter is written in braces"),
    (re.compile(r"(?<=/):(\w+)"), r"{\1}", "a parameter is written in braces"),
    (re.compile(r"{(\w+)[?*]}"), r"{\1:path}", "a parameter that may be empty is of kind path"),
    (re.compile(r"[?#].*", re.DOTALL), "", "a route is a path without a query"),
)
# Where a wildcard stands beside another, matching can take the square of a path's length.
_LONGEST_MATCHED: Final = 2_048
_MOST_REPAIRS: Final = 10


@dataclass(frozen=True, slots=True)
class Template:
    """The paths that a route is about; `/api/*` is `/api` and all below.

    A slash at the end makes no difference, since frameworks redirect or do not mind.
    """

    text: str
    _pattern: re.Pattern[str] = field(repr=False)
    _is_quick: bool = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a template.

        Raises:
            PolicyError: it would never match, or is none.
        """
        nearest, reason = nearest_form(text)
        if reason:
            raise PolicyError(
                f"a path can never match; found {shown(text)}: {reason}; write {nearest!r}"
            )
        path, star, _ = text.partition("/*")
        pattern, at = "", 0
        for parameter in _PARAMETER.finditer(path):
            pattern += f"{re.escape(path[at : parameter.start()])}(?:{_KINDS[_kind(parameter)]})"
            at = parameter.end()
        pattern += re.escape(path[at:].removesuffix("/"))
        # `$` and not the end: as in the framework, a line feed may follow.
        pattern += "(?:/.*)?$" if star else "/?$"
        return cls(text, re.compile(pattern, re.DOTALL), _is_quick(text))

    def matches(self, path: str) -> bool:
        """Whether a path, decoded, is one of them. A path that is very long may always be."""
        return self.is_too_long(path) or self._pattern.match(path) is not None

    def is_too_long(self, path: str) -> bool:
        """Whether to match a path would take too long: it may be one of them, or not."""
        return not self._is_quick and len(path) > _LONGEST_MATCHED

    def example(self) -> str:
        """Return a path that matches, and looks like the template."""
        return _PARAMETER.sub(lambda found: _EXAMPLES.get(_kind(found), found[0]), self.text)

    def examples(self) -> list[str]:
        """Return paths of each kind that matches: a template with all these has all paths."""
        example = self.example()
        if example.endswith("/*"):
            return [example[:-2], example, f"{example}/{{}}/{{}}/{{}}"]
        found = [example]
        for parameter in _PARAMETER.finditer(self.text):
            if _kind(parameter) == "path":
                found += [example.replace(parameter[0], more) for more in ("", "{}/{}/{}/{}")]
        return found


def nearest_form(text: str) -> tuple[str, str]:
    """Return the nearest template that can match, and why the text can't; "" if it can."""
    path, first = text, ""
    for _ in range(_MOST_REPAIRS):  # one may uncover the next: what was encoded, say
        repaired, reason = _repaired(path)
        if not reason:
            break
        path, first = repaired, first or reason
    return path, first


def _repaired(text: str) -> tuple[str, str]:
    path, first = text, ""
    for repair in (
        _stripped,
        _translated,
        _slashed,
        _decoded,
        _walked,
        _named,
        _starred,
        _distinct,
    ):
        changed, reason = repair(path)
        if changed != path:
            path, first = changed, first or reason
    return path, first


def _stripped(path: str) -> tuple[str, str]:
    return path.strip(), "there is space around it"


def _translated(path: str) -> tuple[str, str]:
    """Translate templates of other frameworks, and regular expressions."""
    first = ""
    for pattern, meant, reason in _ELSEWHERE:
        changed = pattern.sub(meant, path)
        if changed != path:
            path, first = changed.replace(":}", "}"), first or reason
    return path, first


def _slashed(path: str) -> tuple[str, str]:
    return path if path.startswith("/") else f"/{path}", "a path begins with '/'"


def _decoded(path: str) -> tuple[str, str]:
    decoded = unquote(path)
    # What is no text can't be written here.
    return path if "\ufffd" in decoded else decoded, "paths are compared once they are decoded"


def _walked(path: str) -> tuple[str, str]:
    """Leave out `.` and `..`, as browsers and proxies do."""
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    return "/" + "/".join(kept), "a path has no '.' and '..'"


def _named(path: str) -> tuple[str, str]:
    """Mend parameters, and drop other braces."""
    return (
        "".join(_well_formed(part) for part in re.split(r"({[^{}/]*})", path)),
        "a parameter is written '{name}' or '{name:kind}', of kind " + ", ".join(_KINDS),
    )


def _well_formed(part: str) -> str:
    if _PARAMETER.fullmatch(part):
        return part
    if not part.startswith("{"):
        return part.replace("{", "").replace("}", "")
    name, _, kind = part[1:-1].partition(":")
    name = re.sub(r"[^a-zA-Z0-9_]+", "_", name).strip("_")
    if not re.match("[a-zA-Z_]", name):
        name = f"name{name}"
    kind = _KINDS_ELSEWHERE.get(kind.lower(), kind.lower())
    near = get_close_matches(kind, _KINDS, 1, 0.5)
    return f"{{{name}:{near[0]}}}" if near and near[0] != "str" else f"{{{name}}}"


def _starred(path: str) -> tuple[str, str]:
    """Replace stars, but that of `/*` at the end."""
    *segments, last = path.split("/")
    if last.strip("*") or not last:
        begin = last.rstrip("*")
        last = re.sub(r"\*+", "{name}", begin) + ("{rest:path}" if begin != last else "")
    else:
        last = "*"
    segments = [re.sub(r"\*+", "{name}", segment) for segment in segments]
    return "/".join([*segments, last]), "'*' stands only at the end, after '/'"


def _distinct(path: str) -> tuple[str, str]:
    """Rename parameters so that each name is there once."""
    names: set[str] = set()

    def renamed(found: re.Match[str]) -> str:
        name, _, kind = found[0][1:-1].partition(":")
        fresh = next(new for n in count(1) if (new := f"{name}{n if n > 1 else ''}") not in names)
        names.add(fresh)
        return f"{{{fresh}:{kind}}}" if kind else f"{{{fresh}}}"

    return _PARAMETER.sub(renamed, path), "no two parameters have the same name"


def _kind(parameter: re.Match[str]) -> str:
    return parameter[2] or "str"


def _is_quick(text: str) -> bool:
    many = any(len(_PARAMETER.findall(segment)) > 1 for segment in text.split("/"))
    return not many and text.count(":path}") + text.endswith("/*") < 2
