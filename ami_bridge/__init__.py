"""Asterisk's manager interface (AMI): one guarded, standing connection.

It knows channels and actions, nothing of calls, speech or the ERP.
"""

from __future__ import annotations

from ami_bridge.connection import AmiConnection, AmiSettings
from ami_bridge.errors import AmiDown, AmiError, AmiRefused, AmiTimeout, AmiUsageError

__all__ = [
    "AmiConnection",
    "AmiDown",
    "AmiError",
    "AmiRefused",
    "AmiSettings",
    "AmiTimeout",
    "AmiUsageError",
]
