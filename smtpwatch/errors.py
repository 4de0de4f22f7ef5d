"""What capture can fail with."""


class CaptureError(Exception):
    """Packets cannot be had from where they were asked of; the message is one line for the admin."""
