"""Reading what Replicate is asked: to make a prediction, and how one stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from racer.sim.conversation import Said, conversation
from racer.sim.exchange import Ask, Errand, Refusal, Unfit
from racer.sim.json_value import as_array, as_object, is_integer, is_number
from racer.sim.wire.openai_request import read_body, read_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from racer.sim.exchange import Moment, Request

LONGEST_HOLD = 60.0
OFFICIAL = re.compile(r"/v1/models/([^/]+/[^/]+)/predictions")
_LOOK = re.compile(r"/v1/predictions/([^/]+)")
_CANCEL = re.compile(r"/v1/predictions/([^/]+)/cancel")
_STREAM = re.compile(r"/v1/streams/([^/]+)")
_SPEAKS = re.compile(r"(?:\A|\n\n)(User|Assistant): ?")
_WAIT = re.compile(r"wait(?:=(\d+))?")


def read_errand(request: Request) -> Errand | None:
    key = request.headers.get("Authorization", "").removeprefix("Bearer ").strip() or None
    if request.method == "POST" and (found := _CANCEL.fullmatch(request.path)):
        return Errand(found[1], "cancel", key)
    if request.method == "GET" and (found := _LOOK.fullmatch(request.path)):
        return Errand(found[1], "look", key)
    if request.method == "GET" and (found := _STREAM.fullmatch(request.path)):
        return Errand(found[1], "listen", key)
    return None


def unfit(field: str, message: str) -> Unfit:
    return Unfit(Refusal("bad_field", f"- {field}: {message}\n", field))


def read_ask(request: Request, moment: Moment) -> Ask:
    """Raises Unfit."""
    key = read_key(request, moment)
    body = read_body(request.body)
    model = _model(request, body, moment)
    inputs = as_object(body.get("input"))
    if inputs is None:
        raise unfit("input", "input is required")
    _check_inputs(inputs, moment)
    said = [Said(str(inputs["system_prompt"]), "system")] if inputs.get("system_prompt") else []
    pictures = [inputs.get("image"), *(as_array(inputs.get("images")) or ())]
    words = [str(inputs["prompt"]), *(str(picture) for picture in pictures if picture)]
    talk = conversation([*said, *_turns("\n".join(words))])
    return Ask(
        model=model,
        prompt=talk.prompt,
        stream=body.get("stream") is True,
        key=key,
        max_tokens=inputs.get("max_tokens") or inputs.get("max_new_tokens"),
        stop=tuple(stop for stop in str(inputs.get("stop_sequences") or "").split(",") if stop),
        onset="anew",
        broken=talk.broken,
        surface="prediction",
        hold=_hold(request),
    )


def _turns(words: str) -> list[Said]:
    """A model that is given a conversation as a text understands who says what."""
    heads = [*_SPEAKS.finditer(words)]
    if not heads or heads[0].start() > 0:
        return [Said(words, "user")]
    ends = [*(head.start() for head in heads[1:]), len(words)]
    turns = [Said(words[head.end() : end], head[1].lower()) for head, end in zip(heads, ends, strict=True)]
    return turns[:-1] if turns[-1].role == "assistant" and not turns[-1].text else turns


def _model(request: Request, body: Mapping[str, Any], moment: Moment) -> str:
    """An official model by its path, another by its version, which may be written behind its name."""
    names = moment.provider.models
    if official := OFFICIAL.fullmatch(request.path):
        if official[1] not in names:
            raise Unfit(Refusal("no_model", subject=official[1]))
        return official[1]
    version = body.get("version")
    if not isinstance(version, str) or not version:
        raise unfit("version", "version is required")
    found = next((name for name in names if version in (name, name.rpartition(":")[2])), None)
    if found is None:
        raise Unfit(Refusal("no_model", subject=version))
    return found


def _check_inputs(inputs: Mapping[str, Any], moment: Moment) -> None:
    if not isinstance(inputs.get("prompt"), str) or not inputs["prompt"]:
        raise unfit("input", "prompt is required")
    for name, value in inputs.items():
        if name in moment.provider.refuses:
            raise unfit("input", f"Additional property {name} is not allowed")
        if name in INPUTS and not INPUTS[name][0](value):
            raise unfit(f"input.{name}", f"Invalid type. Expected: {INPUTS[name][1]}")


def _hold(request: Request) -> float:
    """How long they may hold their answer back; it is ready sooner as a rule."""
    asked = _WAIT.fullmatch(request.headers.get("Prefer", "").strip())
    if asked is None:
        return 0.0
    return min(float(asked[1]), LONGEST_HOLD) if asked[1] else LONGEST_HOLD


def _is(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind)


def _is_count(value: Any) -> bool:
    return is_integer(value) and value >= 1


INPUTS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "image": (_is(str), "string"),
    "images": (_is(list), "array"),
    "max_new_tokens": (_is_count, "integer"),
    "max_tokens": (_is_count, "integer"),
    "seed": (is_integer, "integer"),
    "stop_sequences": (_is(str), "string"),
    "system_prompt": (_is(str), "string"),
    "temperature": (is_number, "number"),
    "top_p": (is_number, "number"),
}
