"""What is limited: policies, the routes, addresses and keys that they are about, and their file."""
