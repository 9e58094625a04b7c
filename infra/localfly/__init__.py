"""The local Fly: Fly.io's Machines API, GraphQL and proxy on 127.0.0.1; machines are processes."""
