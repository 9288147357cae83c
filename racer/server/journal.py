"""What the server writes down: a line for each request, in the form of racer's other events.

No prompt, no reply, no token, no value of any header. A path is written only where it is one of ours.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from racer import logs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.logs import Lines
    from racer.server.visit import Served, Visit


class Journal:
    """`write` takes a level, a name and fields; None keeps no journal."""

    def __init__(self, write: Lines | None = None) -> None:
        self._write = write

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Journal:
        return cls(logs.lines(environ))

    def served(self, served: Served) -> None:
        fields: dict[str, Any] = {
            "request": served.id,
            "method": served.method if served.method.isalpha() and len(served.method) <= 16 else "other",
            "route": served.route or "none",
            "status": served.status or "left",
            "seconds": round(served.seconds, 4),
            "token": served.token,
            "race": served.race,
            "provider": served.provider,
            "streamed": served.streamed or None,
            "code": served.code,
        }
        self._put(
            "info", "http.request", {name: value for name, value in fields.items() if value is not None}
        )

    def failed(self, visit: Visit, error: Exception) -> None:
        """A fault of ours: where it was, not what was said, for that may be a prompt."""
        frames = traceback.extract_tb(error.__traceback__)[-4:]
        where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
        kind = type(error).__name__
        self._put(
            "error", "http.failed", {"request": visit.id, "route": visit.route, "error": kind, "at": where}
        )

    def lacking(self, reason: str) -> None:
        """Why a question or a page could not be answered, with all that clients are not told."""
        self._put("warning", "http.lacking", {"reason": reason})

    def crowded(self) -> None:
        """Connections wait that cannot be taken."""
        self._put("warning", "server.crowded", {"reason": "no file handle is left: raise `ulimit -n`"})

    def note(self, name: str, **fields: object) -> None:
        self._put("info", name, fields)

    def _put(self, level: str, name: str, fields: Mapping[str, Any]) -> None:
        if self._write is not None:
            self._write(level, name, fields)
