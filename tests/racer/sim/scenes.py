"""What the tests of the simulator's pure parts are made of: providers, requests, answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.exchange import Answer, Ask, Call, Moment, Refusal, Reply, Request, Turn
from racer.sim.fault import Fault
from racer.sim.profile import Constant, Distribution, Profile, Provider
from racer.sim.profile_toml import parse_profile
from racer.sim.script import Send

if TYPE_CHECKING:
    from racer.sim.exchange import Wire
    from racer.sim.script import Script

AT = 1_800_000_000.0
KEY = "test-key-" + "x" * 12
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def provider(toml: str = "", name: str = "a") -> Provider:
    """The provider of one table of TOML; its model is m unless `toml` names others."""
    models = "" if "models" in toml else 'models = ["m"]'
    return parse_profile(f"[providers.{name}]\n{models}\n{toml}").providers[0]


def profile(*providers: Provider, same: bool = False, seed: int = 0, length: float = 24) -> Profile:
    return Profile(providers=providers, same=same, seed=seed, length=Distribution(Constant(length)))


def flavoured(flavour: str, **more: Any) -> Provider:
    return Provider(name="a", flavour=flavour, models=("m",), **more)


def moment(of: Provider | None = None, **more: Any) -> Moment:
    return Moment(provider=of or flavoured("generic"), serial=7, at=AT, **more)


def turn(
    of: Provider | None = None, *tokens: str, ask: Ask | None = None, tool: str = "", **answer: Any
) -> Turn:
    """With `tool` it is called, and the tokens are its arguments."""
    calls = (Call(tool, tokens),) if tool else ()
    said = () if tool else tokens or ("One", " two", " three.")
    fields: dict[str, Any] = {"tokens": said, "prompt_tokens": 3, "calls": calls}
    made = Answer(**fields | answer)
    return Turn(moment(of), ask or Ask(model="m", prompt="hi", stream=True), made, total=0.5)


def calling(of: Provider | None = None, ask: Ask | None = None) -> Turn:
    """Two calls at once: of add with {"a":1}, in two pieces, and of now with {}."""
    calls = (Call("add", ('{"a":', "1}")), Call("now", ("{}",)))
    return turn(of, ask=ask, tokens=(), calls=calls, finish="tool_calls")


def chat(
    path: str = "/v1/chat/completions", *, key: str | None = None, body: bytes = b"", **fields: Any
) -> Request:
    """A question; `fields` replace those of a good body, and None takes one away."""
    good: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]} | fields
    sent = {name: value for name, value in good.items() if value is not None}
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return Request("POST", path, headers, body or orjson.dumps(sent))


def read_ask(wire: Wire, request: Request, of: Provider | None = None) -> Ask:
    found = wire.read(request, moment(of))
    assert isinstance(found, Ask), found
    return found


def read_refusal(wire: Wire, request: Request, of: Provider | None = None) -> Refusal:
    found = wire.read(request, moment(of))
    assert isinstance(found, Refusal), found
    return found


def said(reply: Reply) -> Any:
    return orjson.loads(reply.body)


def sent(script: Script) -> bytes:
    return b"".join(step.data for step in script.steps if isinstance(step, Send))


def events(data: bytes) -> list[Any]:
    """The JSON of every complete server-sent event but the end marker."""
    frames = [
        frame for frame in data.split(b"\n\n") if frame.startswith(b"data: ") and b"[DONE]" not in frame
    ]
    return [orjson.loads(frame.removeprefix(b"data: ")) for frame in frames]


def lines(data: bytes) -> list[Any]:
    return [orjson.loads(line) for line in data.splitlines() if line]


def fault(kind: str, **more: Any) -> Fault:
    return Fault(kind=kind, **more)
