"""Tryton 8.2: its profile, and the little of it that no profile can say."""
