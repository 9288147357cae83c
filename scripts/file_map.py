"""The map in docs/architecture.md: what each source file says of itself in its first line.

`python scripts/file_map.py` writes it anew; a test fails while it is out of date.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
SOURCE_ROOTS = ("adapters", "racer")
BEGIN, END = "<!-- map: begin; scripts/file_map.py writes it -->\n", "<!-- map: end -->"


def drawn() -> str:
    """A table for each package: its own line, then its files."""
    folders = sorted({path.parent for top in SOURCE_ROOTS for path in (ROOT / top).rglob("*.py")})
    return "\n".join(table(folder) for folder in folders)


def table(folder: Path) -> str:
    name = folder.relative_to(ROOT).as_posix()
    own = folder / "__init__.py"
    title = f"`{name}/` – {first_line(own)}" if own.is_file() else f"`{name}/`"
    files = [path for path in sorted(folder.glob("*.py")) if path != own]
    rows = [f"| `{path.name}` | {first_line(path)} |" for path in files]
    return "\n".join([title, "", "| file | what it is for |", "|---|---|", *rows, ""])


def first_line(path: Path) -> str:
    """Up to the first empty line of the docstring, at most two sentences, fit for a table."""
    text = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n\n")[0]
    return re.sub(r"\s+", " ", text).replace("|", "\\|").rstrip(":")


def page_with(table_text: str) -> str:
    """docs/architecture.md with this map in its place."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table_text}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with(drawn()))
