"""The manifest: one immutable description of what runs.

Its public half is plain JSON. The secret half is a separate map that never meets it; the two are
tied together by the id of the secret set, which says nothing about the values.
"""

from flygate.manifest.building import NO_REGION, build, regions
from flygate.manifest.course import Course
from flygate.manifest.gates import NO_TIME, Gates
from flygate.manifest.group import Group
from flygate.manifest.manifest import Manifest, canonical
from flygate.manifest.release_command import ReleaseCommand
from flygate.manifest.volume import Volume

__all__ = [
    "NO_REGION",
    "NO_TIME",
    "Course",
    "Gates",
    "Group",
    "Manifest",
    "ReleaseCommand",
    "Volume",
    "build",
    "canonical",
    "regions",
]
