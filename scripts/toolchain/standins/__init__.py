"""Stand-ins for the Pulumi CLI's two companions, where Pulumi's own can't be had."""
