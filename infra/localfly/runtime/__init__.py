"""How machines run: as processes of this computer, or as Docker containers."""
