"""The few styles there are: the terminal's own colours, only on what stands out, never without a glyph or word.

Plain text has no style at all: each change of style costs octets on the admin's line.
"""

from rich.style import Style

BAD = Style(color="red", bold=True)
BAD_FAINT = Style(color="red", dim=True)
WARN = Style(color="yellow")
WARN_FAINT = Style(color="yellow", dim=True)
GOOD = Style(color="green")
STRONG = Style(bold=True)
FAINT = Style(dim=True)
CURSOR = Style(reverse=True)
