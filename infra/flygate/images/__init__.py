"""The service's image for Fly.io: what goes into it, who builds it, where it is pushed."""
