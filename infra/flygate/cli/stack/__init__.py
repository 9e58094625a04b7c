"""A stack as the verbs see it: Pulumi run on it, its pin, a held rollout, the stack `local`."""
