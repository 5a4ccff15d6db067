"""soundgraph: an open backend for social audio, as a library with thin adapters."""
