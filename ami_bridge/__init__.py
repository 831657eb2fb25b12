"""Watches and steers the PBX around the calls, over AMI."""
