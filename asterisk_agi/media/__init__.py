"""Audio between Asterisk and us: RTP, its clock, its formats."""
