"""Mapping: raw rows of a system to the neutral records of `erp.shapes`, as a profile says.

Rules are compiled once, when the profile is loaded; a compiled rule is a chain of closures. See
`docs/profiles.rst`, "Fields" and "Codes and units", for the format.
"""

from __future__ import annotations

from erp.mapping.codes import Tables
from erp.mapping.examples import ExampleResult
from erp.mapping.record import RecordMapper, compile_record

__all__ = ["ExampleResult", "RecordMapper", "Tables", "compile_record"]
