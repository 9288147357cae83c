"""Reading what a RunPod queue is asked: to take a job for a vLLM worker, and how one stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from racer.sim.conversation import Said, conversation
from racer.sim.exchange import Ask, Errand, Refusal, Unfit
from racer.sim.json_value import as_array, as_object, is_integer, is_number, is_stop
from racer.sim.wire.openai_request import read_body, read_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from racer.sim.exchange import Moment, Request

ASKING = re.compile(r"/v2/([^/]+)/(run|runsync)")
ROLES = ("system", "user", "assistant", "tool")
WORKERS_MAX_TOKENS = 16
HOLD_MILLISECONDS = (1_000, 90_000, 300_000)
_ERRAND = re.compile(r"/v2/[^/]+/(status|stream|cancel)/([^/]+)")


def read_errand(request: Request) -> Errand | None:
    found = _ERRAND.fullmatch(request.path)
    if found is None or request.method != ("POST" if found[1] == "cancel" else "GET"):
        return None
    key = request.headers.get("Authorization", "").removeprefix("Bearer ").strip() or None
    if found[1] == "cancel":
        return Errand(found[2], "cancel", key)
    return Errand(found[2], "look" if found[1] == "status" else "listen", key)


def unfit(message: str) -> Unfit:
    return Unfit(Refusal("bad_field", message))


def read_ask(request: Request, endpoint: str, door: str, moment: Moment) -> Ask:
    """Raises Unfit. The worker streams into the queue: nothing of it is one stream for the client."""
    key = read_key(request, moment)
    if endpoint not in moment.provider.models:
        raise Unfit(Refusal("no_model", subject=endpoint))
    inputs = as_object(read_body(request.body).get("input"))
    if not inputs:
        raise unfit("input is required in the request body")
    sampling = _sampling(inputs, moment)
    talk = conversation(_said(inputs))
    stop = sampling.get("stop") or ()
    return Ask(
        model=endpoint,
        prompt=talk.prompt,
        prefix=talk.prefix,
        onset="anew",
        broken=talk.broken,
        stream=False,
        key=key,
        max_tokens=sampling.get("max_tokens", WORKERS_MAX_TOKENS),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        surface="sync" if door == "runsync" else "run",
        hold=_hold(request) if door == "runsync" else 0.0,
    )


def _said(inputs: Mapping[str, Any]) -> list[Said]:
    prompt, messages = inputs.get("prompt"), as_array(inputs.get("messages"))
    if messages:
        return [_message(as_object(message) or {}) for message in messages]
    if not isinstance(prompt, str) or not prompt:
        raise unfit("either messages or a prompt is required in the input")
    return [Said(prompt, "user")]


def _message(message: Mapping[str, Any]) -> Said:
    role, content = message.get("role"), message.get("content")
    if role not in ROLES or not isinstance(content, str):
        raise unfit("a message must have a role and a text as its content")
    return Said(content, str(role), plain=not message.get("tool_calls"))


def _sampling(inputs: Mapping[str, Any], moment: Moment) -> dict[str, Any]:
    sampling = as_object(inputs.get("sampling_params")) or {}
    for name, value in sampling.items():
        if name not in SAMPLING or name in moment.provider.refuses:
            raise unfit(f"Unexpected keyword argument '{name}'")
        if not SAMPLING[name](value):
            raise unfit(f"sampling_params.{name} is out of range: {value}")
    return sampling


def _hold(request: Request) -> float:
    least, usual, most = HOLD_MILLISECONDS
    asked = "".join(parse_qs(request.query).get("wait", ()))
    return min(max(int(asked) if asked.isdecimal() else usual, least), most) / 1000


def _is_count(value: Any) -> bool:
    return is_integer(value) and value >= 1


def _is_between(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: is_number(value) and low <= value <= high


SAMPLING: Mapping[str, Callable[[Any], bool]] = {
    "frequency_penalty": _is_between(-2, 2),
    "max_tokens": _is_count,
    "min_p": _is_between(0, 1),
    "presence_penalty": _is_between(-2, 2),
    "seed": is_integer,
    "stop": is_stop,
    "temperature": _is_between(0, 100),
    "top_k": is_integer,
    "top_p": _is_between(0, 1),
}
