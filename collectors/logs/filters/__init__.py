"""Programs that add verdicts to mail: signatures, policies, spam and viruses."""
