"""The Gemini API as Google speaks it: whole, as events, or as one JSON array; refusals with their details."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.exchange import Frames, Refusal, Reply, Unfit, Wire
from racer.sim.wire.gemini_errors import error_body, refuse
from racer.sim.wire.gemini_request import read_ask, read_key

if TYPE_CHECKING:
    from racer.sim.exchange import Ask, Moment, Request, Turn

JSON = {"content-type": "application/json; charset=UTF-8"}
PATH = re.compile(r"(?:/v1(?:beta|alpha)?)?/models(?:/([^:]+)(?::(\w+))?)?")
METHODS = {"generateContent": False, "streamGenerateContent": True}
FINISHES = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS"}
MALFORMED = "MALFORMED_FUNCTION_CALL"
EMBEDDING = "text-embedding-sim"


def read(request: Request, moment: Moment) -> Ask | Reply | Refusal | None:
    found = PATH.fullmatch(request.path)
    if found is None:
        return None
    model, method = found.groups()
    try:
        if method is None:
            return _page(request, moment, model) if request.method == "GET" else Refusal("no_route")
        if request.method != "POST" or method not in METHODS:
            return Refusal("no_route")
        return read_ask(request, moment, model, stream=METHODS[method])
    except Unfit as error:
        return error.refusal


def _page(request: Request, moment: Moment, model: str | None) -> Reply:
    read_key(request, moment)
    models = [_model(name, moment, "generateContent", "countTokens") for name in moment.provider.models]
    if model is None:
        return Reply(
            200, JSON, orjson.dumps({"models": [*models, _model(EMBEDDING, moment, "embedContent")]})
        )
    if model not in moment.provider.models:
        raise Unfit(Refusal("no_model", subject=model))
    return Reply(200, JSON, orjson.dumps(models[moment.provider.models.index(model)]))


def _model(name: str, moment: Moment, *methods: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "inputTokenLimit": moment.provider.context or 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": methods,
    }


def _response(
    turn: Turn, parts: list[dict[str, Any]], finish: str = "", *, whole: bool = True
) -> dict[str, Any]:
    """A whole response, or a piece of one: each piece has the form of a whole."""
    content = {"role": "model"} | ({"parts": parts} if parts else {})
    candidate = {"content": content} | ({"finishReason": finish} if finish else {}) | {"index": 0}
    return {
        "candidates": [candidate],
        "usageMetadata": _usage(turn) if whole else _prompt_usage(turn),
        "modelVersion": turn.ask.model,
        "responseId": f"{turn.moment.provider.name}-{turn.moment.serial}",
    }


def _prompt_usage(turn: Turn) -> dict[str, int]:
    return {"promptTokenCount": turn.answer.prompt_tokens, "totalTokenCount": turn.answer.prompt_tokens}


def _usage(turn: Turn) -> dict[str, int]:
    """Counts of zero are left out; thoughts are not among the candidates."""
    answer = turn.answer
    counts = {
        "promptTokenCount": answer.prompt_tokens,
        "candidatesTokenCount": answer.output_tokens - len(answer.reasoning),
        "thoughtsTokenCount": len(answer.reasoning),
        "totalTokenCount": answer.prompt_tokens + answer.output_tokens,
    }
    return {name: count for name, count in counts.items() if count}


def _thought(text: str) -> dict[str, Any]:
    return {"text": text, "thought": True}


def _finish(turn: Turn) -> str:
    return MALFORMED if _malformed(turn) else FINISHES[turn.answer.finish]


def _malformed(turn: Turn) -> bool:
    """A call that the model spoiled is not given away. One that a cap has cut is, without arguments."""
    return turn.answer.finish == "tool_calls" and not all(call.whole for call in turn.answer.calls)


def _calls(turn: Turn) -> list[dict[str, Any]]:
    """The first of them alone is signed."""
    if _malformed(turn):
        return []
    signature = base64.b64encode(f"signed {turn.moment.serial}".encode()).decode()
    serials = range(turn.moment.serial, turn.moment.serial + 1000 * len(turn.answer.calls), 1000)
    calls = [
        {"functionCall": {"id": f"call-{serial}", "name": call.name, "args": call.arguments}}
        for call, serial in zip(turn.answer.calls, serials, strict=True)
    ]
    return [part | ({} if n else {"thoughtSignature": signature}) for n, part in enumerate(calls)]


def whole(turn: Turn) -> Reply:
    answer = turn.answer
    thoughts = [_thought("".join(answer.reasoning))] if answer.reasoning and turn.ask.thoughts else []
    said = _calls(turn) or ([{"text": answer.text}] if answer.tokens else [])
    return Reply(200, JSON, orjson.dumps(_response(turn, [*thoughts, *said], _finish(turn))))


def stream(turn: Turn) -> Frames:
    answer = turn.answer
    shown = answer.reasoning if turn.ask.thoughts else ()
    said = _calls(turn) or [{"text": token} for token in answer.tokens]
    last = orjson.dumps(_response(turn, [{"text": ""}], _finish(turn)))
    if turn.ask.surface == "array":
        return _array(turn, [*map(_thought, shown)], said, last)
    closing = _event(last)
    return Frames(
        headers={"content-type": "text/event-stream"},
        opening=b"",
        reasoning=tuple(_event(_piece(turn, _thought(text))) for text in shown),
        tokens=tuple(_event(_piece(turn, part)) for part in said),
        closing=closing,
        end=closing,
        comment=b"\r\n",
    )


def _piece(turn: Turn, part: dict[str, Any]) -> bytes:
    return orjson.dumps(_response(turn, [part], whole=False))


def _event(response: bytes) -> bytes:
    return b"data: " + response + b"\r\n\r\n"


def _array(turn: Turn, thoughts: list[dict[str, Any]], said: list[dict[str, Any]], last: bytes) -> Frames:
    return Frames(
        headers=JSON,
        opening=b"[" + _piece(turn, {"text": ""}),
        reasoning=tuple(b"\r\n,\r\n" + _piece(turn, part) for part in thoughts),
        tokens=tuple(b"\r\n,\r\n" + _piece(turn, part) for part in said),
        closing=b"\r\n,\r\n" + last + b"\r\n]\r\n",
        end=b"[" + last + b"]\r\n",
        comment=b"\r\n",
    )


def error_frame(refusal: Refusal, turn: Turn) -> bytes:
    """Over several lines and without `data:`, even among events."""
    body = orjson.dumps(error_body(refusal, turn.moment), option=orjson.OPT_INDENT_2)
    return b"\r\n,\r\n" + body + b"\r\n]\r\n" if turn.ask.surface == "array" else body + b"\n"


WIRE = Wire(
    name="gemini",
    read=read,
    whole=whole,
    stream=stream,
    refuse=refuse,
    error_frame=error_frame,
    base="/v1beta",
)
