"""The store that all machines share: buckets in a Redis."""
