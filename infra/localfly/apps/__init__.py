"""Apps and what they keep: secrets, releases, builds, volumes and certificates."""
