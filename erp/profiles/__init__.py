"""Profiles: what a configured connector is made from. See `docs/profiles.rst` for the format."""
