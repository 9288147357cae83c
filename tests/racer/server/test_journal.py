"""What the server writes down, and what it does not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from racer.server.journal import Journal
from racer.server.visit import Served, Visit

if TYPE_CHECKING:
    import pytest

PROMPT = "a prompt that nobody may read"


def written(served: Served) -> dict[str, Any]:
    lines: list[tuple[str, str, Any]] = []
    Journal(lambda level, name, fields: lines.append((level, name, fields))).served(served)
    ((level, name, fields),) = lines
    assert (level, name) == ("info", "http.request")
    return cast("dict[str, Any]", fields)


def test_a_request() -> None:
    """Who, what, how long and how it ended; what is not known is left out."""
    served = Served("1", "POST", "/v1/chat/completions", 200, 0.12345, "team", "r", "groq", streamed=True)

    assert written(served) == {
        "request": "1", "method": "POST", "route": "/v1/chat/completions", "status": 200, "seconds": 0.1235,
        "token": "team", "race": "r", "provider": "groq", "streamed": True,
    }  # fmt: skip
    assert written(Served("1", "GET", "", 0, 0.0, "local", code="left")) == {
        "request": "1", "method": "GET", "route": "none", "status": "left", "seconds": 0.0, "token": "local",
        "code": "left",
    }  # fmt: skip


def test_methods_of_others() -> None:
    """A method is a client's own word."""
    assert written(Served("1", "GET\x1b[2J", "", 405, 0.0, "local"))["method"] == "other"
    assert written(Served("1", "X" * 99, "", 405, 0.0, "local"))["method"] == "other"


def test_faults_of_ours() -> None:
    """Where it happened, and never what was said."""
    lines: list[tuple[str, str, Any]] = []
    visit = Visit(cast("Any", None), route="/livez")
    try:
        raise ValueError(PROMPT)
    except ValueError as error:
        Journal(lambda level, name, fields: lines.append((level, name, fields))).failed(visit, error)

    ((level, name, fields),) = lines
    assert (level, name, fields["error"], fields["route"]) == ("error", "http.failed", "ValueError", "/livez")
    assert "test_journal.py" in fields["at"][-1]
    assert PROMPT not in str(fields)


def test_what_clients_are_not_told() -> None:
    """It stands in the log."""
    lines: list[tuple[str, str, Any]] = []
    Journal(lambda level, name, fields: lines.append((level, name, fields))).lacking("the database /x is …")

    assert lines == [("warning", "http.lacking", {"reason": "the database /x is …"})]


def test_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """In the form, and from the level, that RACER_LOG and RACER_LOG_LEVEL ask for."""
    Journal.of({"RACER_LOG": "json", "RACER_LOG_LEVEL": "info"}).note("server.started", url="x\ny")
    Journal.of({"RACER_LOG": "json"}).note("server.started", url="quiet")
    Journal.of({"RACER_LOG": "off"}).note("server.started", url="off")
    Journal().note("server.started", url="none")

    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "server.started"
    assert json.loads(line)["url"] == r"'x\ny'"
