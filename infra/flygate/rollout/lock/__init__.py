"""One rollout at a time: leases on the app's machines, and a file on this computer."""
