"""What a reply must be answering, when the command itself is not in the capture."""

# Replies that answer one command only (RFC 5321, 4.2.3; RFC 4954, 4; RFC 3207, 4).
_ONLY = {354: "DATA", 221: "QUIT", 334: "AUTH", 235: "AUTH", 535: "AUTH", 534: "AUTH", 220: "STARTTLS", 454: "STARTTLS"}
_BY_ENHANCED = {"2.1.0": "MAIL", "2.1.5": "RCPT", "2.7.0": "AUTH"}
_EXTENSIONS = ("PIPELINING", "8BITMIME", "STARTTLS", "ENHANCEDSTATUSCODES", "SIZE")


def answered(code: int, enhanced: str | None, text: str, in_transaction: bool) -> str:
    """The verb that a reply answers as far as the reply itself tells, "" if it does not."""
    if code == 454 and enhanced and enhanced.startswith("4.7.0") and "auth" in text.lower():
        return "AUTH"
    verb = _ONLY.get(code)
    if verb:
        return verb
    if code == 250:
        upper = text.upper()
        if "\n" in text and any(f"\n{name}" in upper for name in _EXTENSIONS):
            return "EHLO"
        if in_transaction and ("QUEUED" in upper or " ID=" in upper or "ACCEPTED FOR DELIVERY" in upper):
            return "."
    return _BY_ENHANCED.get(enhanced or "", "")


def contradicts(verb: str, code: int, enhanced: str | None, text: str) -> bool:
    """Whether a reply can't be the answer to `verb`."""
    told = answered(code, enhanced, text, in_transaction=verb == ".")
    if not told:
        return False
    if told == "EHLO":
        return verb not in ("EHLO", "LHLO")
    if told == "STARTTLS":
        return verb not in ("STARTTLS", "XCLIENT", "AUTH")
    return told != verb and not (told == "." and verb == "BDAT")
