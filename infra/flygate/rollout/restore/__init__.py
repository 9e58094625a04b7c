"""The way back of a rollout that failed: what serves after it, and what the operator must mend."""
