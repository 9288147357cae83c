"""The folder of a bench: tried before anything is sent, and written at the end, each file whole or not."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from racer.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA, PAGE = "report.json", "report.html"


class Folder:
    """A block: made when it is entered, and taken away again where nothing has come of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._made = not path.exists()

    def __enter__(self) -> Self:
        """Raises BadRequest where nothing can be written in it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle, probe = tempfile.mkstemp(dir=self.path, prefix=".racer-")
            os.close(handle)
            Path(probe).unlink()
        except OSError as error:
            why = error.strerror or str(error)
            raise BadRequest(f"--out {self.path}: {why}; name a folder that may be written") from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._made:
            with suppress(OSError):  # it has something in it
                self.path.rmdir()

    def write(self, document: Mapping[str, Any], page: str) -> None:
        """Raises OSError."""
        self._put(DATA, json.dumps(document, ensure_ascii=False, indent=1) + "\n")
        self._put(PAGE, page)

    def _put(self, name: str, text: str) -> None:
        handle, made = tempfile.mkstemp(dir=self.path, prefix=f".{name}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
            Path(made).chmod(0o644 & ~_umask())
            Path(made).replace(self.path / name)
        except OSError:
            Path(made).unlink(missing_ok=True)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
