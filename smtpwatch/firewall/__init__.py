"""Blocking a source in the firewall: who must never be (guard), by what means (one file for each), and what was done
(journal)."""
