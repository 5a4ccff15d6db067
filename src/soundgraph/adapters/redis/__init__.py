"""Redis: what can be rebuilt. Here, the broker that carries hints between processes."""
