"""What a verb shows: tables, the progress of a rollout, why one failed."""
