"""Images: references, the local registry, and placeholders for what can't be pulled."""
