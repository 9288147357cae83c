"""The folder of a bench: tried before anything is sent, and written at the end, each file whole or not."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from racer.errors import BadRequest, RacerError

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA, PAGE = "report.json", "report.html"


class Folder:
    """It is made when there is something to write, so that no empty one is ever left."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(str(self.path / name) for name in (DATA, PAGE))

    def probe(self) -> None:
        """What is made to try it goes again. Raises BadRequest where nothing can be written in it."""
        made: list[Path] = []
        try:
            made += [each for each in (self.path, *self.path.parents) if not each.exists()]
            self.path.mkdir(parents=True, exist_ok=True)
            handle, probe = tempfile.mkstemp(dir=self.path, prefix=".racer-")
            os.close(handle)
            Path(probe).unlink()
        except OSError as error:
            why = error.strerror or str(error)
            raise BadRequest(f"--out {self.path}: {why}; name a folder that may be written") from None
        finally:
            for each in made:
                with suppress(OSError):  # it was not made after all, or somebody has put something into it
                    each.rmdir()

    def write(self, document: Mapping[str, Any], page: str) -> None:
        """Raises RacerError, which says what was written and what was not."""
        text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
        failed = {
            name: why for name, each in ((DATA, text), (PAGE, page)) if (why := self._trouble(name, each))
        }
        if failed:
            written = "".join(f"; {name} was" for name in (DATA, PAGE) if name not in failed)
            what = f"{' and '.join(failed)} {'was' if len(failed) == 1 else 'were'} not written"
            why = ", ".join(dict.fromkeys(failed.values()))
            raise RacerError(f"--out {self.path}: {what}: {why}{written}")

    def _trouble(self, name: str, text: str) -> str:
        """Why it could not be written; empty where it was."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._put(name, text)
        except OSError as error:
            return error.strerror or str(error)
        return ""

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
