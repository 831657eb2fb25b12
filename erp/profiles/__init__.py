"""Profiles: what a configured connector is made from. See `docs/profiles.rst` for the format."""

from erp.profiles.errors import ProfileError
from erp.profiles.load import load
from erp.profiles.profile import Checks, PartPlan, Profile

__all__ = ["Checks", "PartPlan", "Profile", "ProfileError", "load"]
