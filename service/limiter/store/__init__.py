"""Where buckets are kept."""
