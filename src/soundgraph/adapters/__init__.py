"""One package per technology. Each implements ports with one driver and knows no other adapter."""
