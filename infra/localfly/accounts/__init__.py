"""Who uses the local Fly: organizations, tokens, the one user."""
