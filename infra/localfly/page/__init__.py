"""The status page of the local Fly, at the API port's `/`."""
