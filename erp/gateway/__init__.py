"""The only door to the business systems: queue, retries, breaker, cache and fallback."""

from erp.gateway.gateway import Gateway
from erp.gateway.hops import HopRow, hop_map, table
from erp.gateway.lane import Observe

__all__ = ["Gateway", "HopRow", "Observe", "hop_map", "table"]
