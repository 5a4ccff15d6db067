"""Every port in memory: a product in its own right, for tests and for those who import the library."""
