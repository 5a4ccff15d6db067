"""Objects as files under one directory, for one machine or a shared disk."""
