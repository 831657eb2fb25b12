"""The word that a new call-back is there, from the voice process to every bridge, over AMI."""

from __future__ import annotations

NOTICE = "OrderlineCallback"
"""Name of the AMI `UserEvent`. Its header `Key` names the call-back; nothing else is in it."""
