"""HTTP and ASGI beneath the middleware: messages, paths, lifespan, signatures."""
