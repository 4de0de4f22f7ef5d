"""What a reply must be answering, when the command itself is not in the capture."""

# Replies that answer one command only (RFC 5321, 4.2.3; RFC 4954, 4; RFC 3207, 4).
_ONLY = {354: "DATA", 221: "QUIT", 334: "AUTH", 235: "AUTH", 535: "AUTH", 534: "AUTH", 220: "STARTTLS"}
_BY_ENHANCED = {"2.1.0": "MAIL", "2.1.5": "RCPT", "2.7.0": "AUTH"}
# What else may have a reply that tells the one or suggests it.
_ALSO = {
    "EHLO": ("EHLO", "LHLO"),
    "STARTTLS": ("STARTTLS", "XCLIENT", "AUTH"),
    "AUTH": ("AUTH", "*"),
    ".": (".", "BDAT"),
    "RCPT": ("RCPT", "VRFY", "EXPN", "?"),
}
_SUCCESS = {"AUTH": 235, "DATA": 354}  # the only code with which these succeed
_NOT_OF_ADDRESSES = ("AUTH", "*", "EHLO", "HELO", "LHLO", "RSET", "STARTTLS", "QUIT")
_EXTENSIONS = ("PIPELINING", "8BITMIME", "STARTTLS", "ENHANCEDSTATUSCODES", "SIZE")


def only(code: int, enhanced: str | None, text: str, in_transaction: bool) -> str:
    """The verb that a reply answers where no other command has such a reply, else ""."""
    verb = _ONLY.get(code)
    if verb:
        return verb
    if code == 454 and enhanced == "4.7.0":  # other 454s refuse relaying, for now
        return "AUTH" if "auth" in text.lower() else "STARTTLS" if "tls" in text.lower() else ""
    if code == 250:
        upper = text.upper()
        if "\n" in text and any(f"\n{name}" in upper for name in _EXTENSIONS):
            return "EHLO"
        if in_transaction and ("QUEUED" in upper or " ID=" in upper or "ACCEPTED FOR DELIVERY" in upper):
            return "."
    return ""


def suggested(enhanced: str | None) -> str:
    """The verb that a reply's enhanced code suggests, else "": good for a command that was not captured, not for
    telling which of several it answers."""
    return _BY_ENHANCED.get(enhanced or "", "")


def _not_of(verb: str, enhanced: str) -> bool:
    """Whether the status of an address (RFC 3463, 3.2) says nothing of `verb`: 1 to 6 are of recipients."""
    return verb in _NOT_OF_ADDRESSES or (verb == "MAIL" and enhanced[3:] in (".1", ".2", ".3", ".4", ".5", ".6"))


def contradicts(verb: str, code: int, enhanced: str | None, text: str) -> bool:
    """Whether a reply can't be the answer to `verb`."""
    if code < 300 and code != _SUCCESS.get(verb, code):
        return True
    if enhanced is not None and enhanced[1:3] == ".1" and _not_of(verb, enhanced):
        return True
    told = only(code, enhanced, text, in_transaction=verb == ".")
    if told:
        return verb not in _ALSO.get(told, (told,))
    told = suggested(enhanced)
    return told != "" and verb not in _ALSO.get(told, (told, "?"))
