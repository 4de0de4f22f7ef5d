"""The host: what waits in the mail server's queues, which certificates it shows."""
