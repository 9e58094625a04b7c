"""HTTP and ASGI beneath the middleware: messages, lifespan, authentication, background work."""
