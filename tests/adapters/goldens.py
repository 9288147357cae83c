"""The golden folders: golden/<dialect>/<case>/ with what is sent or received, and what is expected of it.

response.txt or .bin, expected.json    a body, and what it reads as: answer, error, what follows of a job
request.json, expected.json            a call in OpenAI's form, the body that it is sent as, what is dropped
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from racer_adapters.contract import Outcome, Sample
from racer_adapters.errors import Closed, Kind, WireError
from racer_adapters.messages import parse_messages, parse_response_format, parse_tool_choice, parse_tools
from racer_adapters.types import Answer, Call, FollowUp, ToolCall, Undo, Usage

GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Reply:
    """`sdk`: how the official client reads it, where it can; see its own test."""

    name: str
    body: bytes
    outcome: Outcome
    marked: bool
    sdk: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Request:
    name: str
    call: Call
    asked: dict[str, Any]
    body: dict[str, Any]
    dropped: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Refusal:
    """`meaning`: the kind, the seconds to wait, and whether the model alone is meant."""

    name: str
    status: int
    headers: dict[str, str]
    body: bytes
    meaning: tuple[Kind, float | None, bool]

    def __str__(self) -> str:
        return self.name


def replies(dialect: str) -> list[Reply]:
    return [_reply(path.parent, path) for path in sorted((GOLDEN / dialect).glob("*/response.*"))]


def requests(dialect: str) -> list[Request]:
    return [_request(path.parent, path) for path in sorted((GOLDEN / dialect).glob("*/request.json"))]


def refusals(dialect: str) -> list[Refusal]:
    said: list[dict[str, Any]] = json.loads((GOLDEN / dialect / "refusals.json").read_text("utf-8"))
    return [
        Refusal(
            name=one["name"],
            status=one["status"],
            headers=one["headers"],
            body=json.dumps(one["body"]).encode(),
            meaning=(Kind(one["kind"]), one["retry_after"], one["model_only"]),
        )
        for one in said
    ]


def samples(dialect: str) -> list[Sample]:
    """The replies that are whole and well, for the contract check."""
    return [
        Sample(reply.body, reply.outcome.answer, reply.marked)
        for reply in replies(dialect)
        if reply.outcome.error is None and reply.outcome.follow_up is None
    ]


def _reply(folder: Path, response: Path) -> Reply:
    expected = _json(folder / "expected.json")
    outcome = Outcome(
        _answer(expected["answer"]),
        _error(expected.get("error")),
        _follow_up(expected.get("follow_up")),
        Undo(**expected["undo"]) if "undo" in expected else None,
    )
    return Reply(
        folder.name, response.read_bytes(), outcome, expected.get("marked", True), expected.get("sdk", "")
    )


def _request(folder: Path, request: Path) -> Request:
    expected = _json(folder / "expected.json")
    asked = expected["call"]
    return Request(folder.name, call_of(asked), asked, _json(request), tuple(expected["dropped"]))


def call_of(asked: dict[str, Any]) -> Call:
    tools = parse_tools(asked.get("tools"))
    return Call(
        messages=parse_messages(asked["messages"]),
        max_tokens=asked.get("max_tokens"),
        temperature=asked.get("temperature"),
        top_p=asked.get("top_p"),
        stop=tuple(asked.get("stop", ())),
        seed=asked.get("seed"),
        tools=tools,
        tool_choice=parse_tool_choice(asked.get("tool_choice"), tools),
        shape=parse_response_format(asked.get("response_format")),
        extra=asked.get("extra", {}),
        stream=asked.get("stream", True),
    )


def _answer(said: dict[str, Any]) -> Answer:
    return Answer(
        text=said["text"],
        reasoning=said["reasoning"],
        tool_calls=tuple(ToolCall(**call) for call in said["tool_calls"]),
        finish_reason=said["finish_reason"],
        ended=said["ended"],
        usage=Usage(**said["usage"]) if said["usage"] else None,
    )


def _error(said: dict[str, Any] | None) -> WireError | None:
    if said is None:
        return None
    facts = {name: said[name] for name in ("status", "retry_after", "model_only") if name in said}
    closed = Closed(**said["closed"]) if "closed" in said else None
    return WireError(Kind(said["kind"]), said["message"], **facts, closed=closed)


class Unread:
    """A decoder in a place where no decoder is looked at."""

    def feed(self, data: bytes) -> tuple[()]:
        return ()

    def close(self) -> tuple[()]:
        return ()


def _follow_up(said: dict[str, Any] | None) -> FollowUp | None:
    if said is None:
        return None
    headers, after = said.get("headers", {}), said.get("after", 0.0)
    return FollowUp(said["url"], Unread(), headers=headers, after=after, kin=frozenset(said.get("kin", ())))


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found
