"""Rules that read state and raise alerts: what is happening, who does it, and what to do."""
