"""How a secret looks in a text: its parts, the ways to read a text, and how to find one in it."""
