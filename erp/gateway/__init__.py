"""The only door to the business systems: queue, retries, breaker, cache and fallback."""

from erp.gateway.gateway import Gateway, unobserved
from erp.gateway.hops import HopRow, hop_map
from erp.gateway.lane import Observe
from erp.gateway.outage import Health

__all__ = ["Gateway", "Health", "HopRow", "Observe", "hop_map", "unobserved"]
