"""Others that hear of a rollout: the user's own programs, and a webhook."""
