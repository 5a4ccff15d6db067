"""`soundgraph demo`: a small community with music of its own, made through the front door."""
