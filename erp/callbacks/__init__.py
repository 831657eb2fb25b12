"""Call-backs that were agreed with callers: when, to whom, and how they are kept.

`model` is the contract of voice process and bridge; `times` and `numbers` are the rules, pure;
`book` keeps the rows; `booker` books one; `tasks` writes the business system's task later.
Who dials is `ami_bridge.callbacks`.
"""

from erp.callbacks.model import CallbackError, CallbackReceipt, CallbackRequest, Callbacks

__all__ = ["CallbackError", "CallbackReceipt", "CallbackRequest", "Callbacks"]
