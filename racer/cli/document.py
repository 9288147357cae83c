"""`--json` and `--schema`: one document on stdout, on one line in a pipe and with indents on a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from racer.cli.shell import Shell


def put_out(shell: Shell, document: object) -> None:
    shell.result(json.dumps(document, ensure_ascii=False, indent=2 if shell.stdout.isatty() else None))
