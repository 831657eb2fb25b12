"""What is said: pure functions of states and events."""
