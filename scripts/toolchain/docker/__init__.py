"""Docker for the tests, where it can be had: an engine that answers, and images in it."""
