"""Organizations: any slug that an app or a database was made with."""

from dataclasses import dataclass
from typing import Final

_PREFIX: Final = "org-"


@dataclass(frozen=True, slots=True)
class Organization:
    slug: str

    @classmethod
    def of_id(cls, identifier: str) -> "Organization":
        """Return the organization of an id, or of a slug, which some clients send as one."""
        return cls(identifier.removeprefix(_PREFIX))

    @property
    def id(self) -> str:
        return _PREFIX + self.slug

    @property
    def number(self) -> int:
        return 1

    @property
    def is_personal(self) -> bool:
        return self.slug == "personal"

    @property
    def name(self) -> str:
        return "Personal" if self.is_personal else self.slug
