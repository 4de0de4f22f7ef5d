"""Text measured in terminal cells: cut, pad, wrap. Wide characters take two cells (rich.cells)."""

from rich.cells import cell_len, chop_cells, set_cell_size

ELLIPSIS = "…"
CHARACTERS_PER_CELL = 4  # beyond it, text is cut: combining marks take no cell, and a stranger may stack thousands


def width(text: str) -> int:
    """Cells that `text` takes."""
    return len(text) if text.isascii() else cell_len(text)


def cut(text: str, cells: int) -> str:
    """`text` in at most `cells` cells, an ellipsis at the end telling that there was more."""
    most = CHARACTERS_PER_CELL * cells
    if len(text) <= most and width(text) <= cells:
        return text
    return "" if cells <= 0 else _head(text[:most], cells - 1) + ELLIPSIS


def cut_middle(text: str, cells: int) -> str:
    """`text` in at most `cells` cells, cut in the middle: both ends of an IPv6 address tell hosts apart."""
    if width(text) <= cells:
        return text
    if cells < 5 or not text.isascii():
        return cut(text, cells)
    tail = (cells - 1) // 2
    return _head(text, cells - 1 - tail) + ELLIPSIS + text[-tail:]


def cut_word(text: str, cells: int) -> str:
    """`text` in at most `cells` cells, by leaving out words at its end while more than one is left."""
    while width(text) > cells and " " in text:
        text = text.rpartition(" ")[0]
    return cut(text, cells)


def fill(text: str, cells: int, right: bool = False) -> str:
    """`text` in exactly `cells` cells, at the left or at the right."""
    text = cut(text, cells)
    blank = " " * (cells - width(text))
    return blank + text if right else text + blank


def wrap(text: str, cells: int) -> list[str]:
    """`text` in lines of at most `cells` cells, broken at spaces where that is possible."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if width(longer) <= cells:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = chop_cells(word, max(2, cells)) or [""]
        lines += full
    return [*lines, line]


def _head(text: str, cells: int) -> str:
    return text[:cells] if text.isascii() else set_cell_size(text, cells)
