"""Lines of mail logs, from time stamp to facts."""
