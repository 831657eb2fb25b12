"""Odoo 19 by its JSON-2 interface: the profile `odoo-19`, and what it can't say."""
