"""What is true now: events folded into tables, one thing per file. Opens nothing, paints nothing."""
