"""Business systems: what a caller may ask of them, and every way to reach them.

The public names; `erp.landscape` joins the configured systems.
"""

from erp.deadline import Deadline
from erp.errors import BackendDown, BackendRefused, BackendSlow, BadAnswer, ErpError
from erp.operations import OPERATIONS, Operation
from erp.port import ErpPort
from erp.secrets import Secret

__all__ = [
    "OPERATIONS",
    "BackendDown",
    "BackendRefused",
    "BackendSlow",
    "BadAnswer",
    "Deadline",
    "ErpError",
    "ErpPort",
    "Operation",
    "Secret",
]
