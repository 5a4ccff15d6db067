"""The outside: HTTP, the worker, the command line, and the settings and container that they are built from."""
