"""Requests to run a model of Workers AI: what is understood, and what is refused with which words."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given

from racer.sim.exchange import Ask, Refusal, Request
from racer.sim.json_value import as_object
from racer.sim.profile import Provider
from racer.sim.wire import cloudflare
from racer.sim.wire.cloudflare_request import FIELDS, surface_of
from tests.racer.sim.bodies import JSON, nearly, some
from tests.racer.sim.scenes import KEY, TOOL, moment, read_ask, read_refusal

GPT = "@cf/openai/gpt-oss-20b"
CLOUD = Provider("cloudflare", dialect="cloudflare", models=("@cf/a/b", GPT))
HI = [{"role": "user", "content": "hi"}]
SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
FAR = {"type": "image_url", "image_url": {"url": "https://x"}}


def post(model: str = "@cf/a/b", *, key: str = "", **fields: Any) -> Request:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    body = orjson.dumps({"messages": HI, **fields})
    return Request("POST", f"/client/v4/accounts/sim/ai/run/{model}", headers, body)


def test_a_plain_question() -> None:
    """Model and words; an answer is cut at 256 tokens."""
    assert read_ask(cloudflare.WIRE, post(), CLOUD) == Ask(
        model="@cf/a/b", prompt="hi", stream=False, onset="anew", max_tokens=256, surface="native"
    )


def test_every_option_is_read() -> None:
    """What has a meaning here ends up in the Ask."""
    shape = {"type": "json_schema", "json_schema": SCHEMA}
    request = post(
        key=KEY, max_tokens=5, temperature=0.5, top_p=1, top_k=4, seed=1, response_format=shape, tools=[TOOL]
    )

    assert read_ask(cloudflare.WIRE, request, CLOUD) == Ask(
        onset="anew",
        model="@cf/a/b",
        prompt="hi",
        stream=False,
        key=KEY,
        max_tokens=5,
        json=True,
        schema=SCHEMA,
        surface="native",
    )


@pytest.mark.parametrize(
    ("model", "surface"),
    [("@cf/a/b", "native"), ("@cf/qwen/q", "openai"), (GPT, "responses"), ("@cf/openai/other", "native")],
)
def test_the_form_is_the_models(model: str, surface: str) -> None:
    """By its name."""
    assert surface_of(model) == surface


def test_gpt_oss_ignores_that_it_is_to_stream() -> None:
    """The others do not."""
    assert not read_ask(cloudflare.WIRE, post(GPT, stream=True), CLOUD).stream
    assert read_ask(cloudflare.WIRE, post(stream=True), CLOUD).stream


@pytest.mark.parametrize(
    ("content", "prompt"),
    [("a", "a"), ("", ""), ([{"type": "text", "text": "a"}, PICTURE], "a\ndata:image/png;base64,AA")],
)
def test_content_is_text_or_has_a_picture(content: Any, prompt: str) -> None:
    """A list is taken for the picture's sake."""
    assert (
        read_ask(cloudflare.WIRE, post(messages=[{"role": "user", "content": content}]), CLOUD).prompt
        == prompt
    )


FLAT = {"name": "now"}


@pytest.mark.parametrize(
    ("tools", "choice", "words", "name"),
    [
        ([TOOL], None, "hi", None),
        ([TOOL], None, "get_weather", "get_weather"),
        ([TOOL], "auto", "get_weather", "get_weather"),
        ([TOOL], "none", "get_weather", None),
        ([FLAT, TOOL], "required", "hi", "now"),
        ([FLAT, TOOL], "required", "get_weather", "get_weather"),
        ([], "required", "hi", None),
    ],
)
def test_the_choice_of_tools(tools: list[Any], choice: str | None, words: str, name: str | None) -> None:
    """A model free to choose calls the tool that the question names."""
    fields = {"tool_choice": choice} if choice else {}
    request = post(messages=[{"role": "user", "content": words}], tools=tools, **fields)
    found = read_ask(cloudflare.WIRE, request, CLOUD).tools

    assert [tool.name for tool in found] == ([name] if name else [])


def user(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no messages": ({"messages": []}, "required properties at '/' are 'messages'"),
    "a role of another kind": ({"messages": [{"role": "model", "content": "a"}]}, "'/messages/0/role'"),
    "no content": (user(None), "'/messages/0/content'"),
    "parts without a picture": (user([{"type": "text", "text": "a"}]), "'string' not in 'array'"),
    "a picture by address": (user([FAR]), "'/messages/0/content'"),
    "a cap of zero": ({"max_tokens": 0}, "'/max_tokens', 'integer'"),
    "a stream of JSON": ({"stream": True, "response_format": {"type": "json_object"}}, "JSON Mode"),
    "an unknown form": ({"response_format": {"type": "xml"}}, "'/response_format/type'"),
    "a schema that is none": ({"response_format": {"type": "json_schema"}}, "'/response_format/type'"),
    "an unknown choice": ({"tool_choice": "any"}, "'/tool_choice'"),
    "a tool without a name": ({"tools": [{"type": "function", "function": {}}]}, "'name'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_fields(name: str) -> None:
    """With words that name the place."""
    fields, words = REFUSED[name]
    refusal = read_refusal(cloudflare.WIRE, post(**fields), CLOUD)

    assert refusal.why == "bad_field"
    assert words in refusal.message


@pytest.mark.parametrize("field", ["stop", "top_k"])
def test_unknown_fields(field: str) -> None:
    """There are no stop sequences; and what the profile's provider refuses."""
    picky = Provider("cloudflare", dialect="cloudflare", models=("@cf/a/b",), refuses=frozenset({"top_k"}))
    fields: dict[str, Any] = {field: 1}
    refusal = read_refusal(cloudflare.WIRE, post(**fields), picky)

    assert (refusal.why, refusal.subject) == ("unknown_field", field)


def test_an_unknown_model() -> None:
    """Is named in the refusal."""
    assert read_refusal(cloudflare.WIRE, post("@cf/x"), CLOUD) == Refusal("no_model", subject="@cf/x")


def complete(body: Any) -> Any:
    """With messages where it has none, so that what is looked at last is reached."""
    found = as_object(body)
    return body if found is None else {"messages": HI} | found


BODIES = nearly(
    **dict.fromkeys(FIELDS, JSON)
    | {
        "messages": some(HI, [{"role": "user", "content": [PICTURE]}]),
        "tools": some([TOOL], [FLAT]),
        "response_format": nearly(type=some("json_object", "json_schema"), json_schema=JSON),
    }
).map(complete)


@given(BODIES)
def test_nothing_that_is_sent_breaks_the_reader(body: Any) -> None:
    """It is understood, or refused."""
    path = "/client/v4/accounts/sim/ai/run/@cf/a/b"
    found = cloudflare.read(Request("POST", path, {}, orjson.dumps(body)), moment(CLOUD))

    assert isinstance(found, Ask | Refusal)
