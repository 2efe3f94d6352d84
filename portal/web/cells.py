"""Cells of CSV files that people open in a spreadsheet: what is in them is never run."""

# What makes a spreadsheet read a cell as a formula or a command, full-width forms included.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def cell(text: str) -> str:
    """A CSV cell: always quoted, quotes doubled, and an apostrophe before what a spreadsheet would run."""
    safe = f"'{text}" if text.startswith(FORMULA_STARTS) else text
    return '"' + safe.replace('"', '""') + '"'
