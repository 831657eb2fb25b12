"""Ways to reach business systems."""
