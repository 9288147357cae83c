"""`--json` and `--schema`: one document on stdout, on one line in a pipe and with indents on a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from racer.core.printable import CONTROLS

if TYPE_CHECKING:
    import re

    from racer.cli.shell import Shell


def put_out(shell: Shell, document: object) -> None:
    """JSON that stays `document`: escaped is what stdout cannot hold, and what would control a terminal."""
    on_terminal = shell.stdout.isatty()
    indent = 2 if on_terminal else None
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    if not shell.holds(text):
        text = json.dumps(document, indent=indent)
    shell.lay_out(CONTROLS.sub(_escape, text) if on_terminal else text)


def _escape(found: re.Match[str]) -> str:
    """As it is written within a string of JSON, which is the only place where it can stand."""
    return json.dumps(found[0])[1:-1]
