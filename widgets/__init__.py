"""Panes and their parts: they ask state, they paint; they never collect."""
