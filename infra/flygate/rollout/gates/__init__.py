"""The gates: what must hold for the new machines of a stage before the rollout goes on."""
