"""What an admin sees of a running process: its metrics for Prometheus, and its health."""
