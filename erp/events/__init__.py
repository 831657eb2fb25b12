"""The event stream of calls: its values, how they are written down, and how they are kept."""
