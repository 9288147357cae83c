"""The blocks of docs/recipes.md."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "recipes.md"
SHOWN = "http://127.0.0.1:8190"
_BLOCK = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def recipes(kind: str) -> list[str]:
    """Those of a kind, as they stand there."""
    return [text for found, text in _BLOCK.findall(PAGE.read_text()) if found == kind]
