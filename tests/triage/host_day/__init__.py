"""A normal day of a mid-sized mail host, packet by packet and line by line: see normal_day.py."""
