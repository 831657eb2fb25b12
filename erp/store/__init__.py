"""What Orderline must not forget: events, calls, deliveries, call-backs; in one SQL database."""
