"""A request's way in, in this order: who is it, and may it pass."""
