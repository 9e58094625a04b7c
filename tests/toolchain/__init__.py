"""Stand-ins for Pulumi's two companions, where the real ones can't be had (docs/toolchain.md)."""
