"""The old place of `erp.phone_numbers`, for the connector that is written for one system."""

from erp.phone_numbers import forms, same, search_digits

__all__ = ["forms", "same", "search_digits"]
