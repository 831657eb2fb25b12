"""A distributor without any API: an order package in a plain database. A profile, no code."""
