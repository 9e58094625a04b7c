"""How machines run: today as processes of this computer."""
