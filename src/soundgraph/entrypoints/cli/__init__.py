"""The `soundgraph` command."""
