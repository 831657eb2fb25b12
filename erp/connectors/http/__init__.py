"""The `http` engine: asks a system over HTTP as its profile says, and reads JSON.

    engine --> keeper (login) --> auth/ (the ways to log in)
       |---> request, template (what is asked), paging
       |---> transport --> hops (trace), faults (what went wrong on the way)
       +---> answer, tags, numbers (what came back), errors (what it means)

It knows no vendor: what a profile can't say is the adapter's, never a special case here. It
neither caches nor limits, and retries nothing that the gateway would. See docs/http_engine.rst.
"""

from __future__ import annotations

from erp.connectors.http.engine import HttpEngine, PreparedRequest, prepare, prepare_write
from erp.connectors.http.section import check_section, section_needs

__all__ = [
    "HttpEngine",
    "PreparedRequest",
    "check_section",
    "prepare",
    "prepare_write",
    "section_needs",
]
