"""smtpwatch: a terminal monitor for a mail host. ARCHITECTURE.md is the map."""
