"""One night on a mail host, in nine phases: what an attacker does, and what the screen says of it."""
