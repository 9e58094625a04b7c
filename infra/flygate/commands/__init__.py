"""What Pulumi's Commands run: JSON in, converge, JSON out. See `flygate op`."""
