"""Business systems: what a caller may ask of them, and every way to reach them."""
