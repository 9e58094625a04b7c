"""The rollout engine: observe → plan → lock → run, and the way back."""
