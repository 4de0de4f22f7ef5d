"""Packets on the SMTP ports, from link layer to SMTP dialogue and TLS handshake."""
