"""The proxy of the local Fly, in place of Fly Proxy: one port, apps by their host name."""
