"""What is wrong with a profile, as its author must mend it."""

from __future__ import annotations


class ProfileError(ValueError):
    """A profile can't be used: one sentence that names the file or key, the value and the mend."""
