"""Collectors turn bytes and lines into events; they know no screen and no state."""
