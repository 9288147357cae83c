"""Official clients of providers that speak OpenAI's dialect, against the simulator in their flavours.

Documented differences between what a client sends and what we send for the same call:

groq, together         they know no `stream_options`; we ask for the usage of a stream
mistral, huggingface   they say `stream: false` for a whole reply; we leave it out
mistral                it adds `prefix: false` to an assistant's message and `index: 0` to its tool calls
mistral                it has no place for fields that it does not know; that call is left out below
huggingface            at a base URL it sends a JSON schema in the form of its own server, TGI; we in OpenAI's
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import groq
import huggingface_hub
import pytest
import together
from huggingface_hub.errors import HfHubHTTPError, UnknownError
from mistralai.client import Mistral
from mistralai.client.errors import SDKError

from racer.config.files import catalogue
from racer_adapters.openai import OPENAI
from racer_adapters.types import Message, Target
from tests.adapters import goldens
from tests.racer.sim.loopback import one, simulating
from tests.racer.sim.scenes import KEY, TOOL

if TYPE_CHECKING:
    from collections.abc import Callable

    from racer.sim import Simulator
    from racer_adapters.types import WireRequest

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
HI: Json = {"model": "m", "messages": [{"role": "user", "content": "Say hi"}]}
UNKNOWN = ("options", "think")


def without_stream_options(ours: Json) -> Json:
    return {name: ours[name] for name in ours if name != "stream_options"}


def with_stream(ours: Json) -> Json:
    return {"stream": False} | ours


def as_mistral_sends(ours: Json) -> Json:
    return with_stream(ours) | {"messages": [as_mistral_says(message) for message in ours["messages"]]}


def as_mistral_says(message: Json) -> Json:
    if message["role"] != "assistant":
        return message
    calls = [{"index": 0} | call for call in message.get("tool_calls", ())]
    return message | {"prefix": False} | ({"tool_calls": calls} if calls else {})


def as_huggingface_sends(ours: Json) -> Json:
    wanted = ours.get("response_format", {})
    if wanted.get("type") != "json_schema":
        return with_stream(ours)
    schema = wanted["json_schema"]["schema"]
    return with_stream(ours) | {"response_format": {"type": "json_object", "value": schema}}


@dataclass(frozen=True)
class Sdk:
    """
    row          the provider in the catalogue
    connect      a client for the base URL of the dialect, as Any: we give our fields as they are
    errors       what it raises for a wrong key, a model that is not there, a limit and a broken server
    in_band      what it raises for an error in a stream; None where it hands on the finish reason
    as_it_sends  our body with the documented differences evened out
    """

    row: str
    flavour: str
    connect: Callable[[str], Any]
    errors: tuple[type[Exception], type[Exception], type[Exception], type[Exception]]
    in_band: type[Exception] | None
    as_it_sends: Callable[[Json], Json]

    def __str__(self) -> str:
        return self.row


GROQ = Sdk(
    row="groq",
    flavour="groq",
    connect=lambda url: groq.AsyncGroq(api_key=KEY, base_url=url.removesuffix("/v1"), max_retries=0),
    errors=(groq.AuthenticationError, groq.NotFoundError, groq.RateLimitError, groq.InternalServerError),
    in_band=groq.APIError,
    as_it_sends=without_stream_options,
)
TOGETHER = Sdk(
    row="together",
    flavour="together",
    connect=lambda url: together.AsyncTogether(api_key=KEY, base_url=url.removesuffix("/v1"), max_retries=0),
    errors=(
        together.AuthenticationError,
        together.NotFoundError,
        together.RateLimitError,
        together.InternalServerError,
    ),
    in_band=together.APIError,
    as_it_sends=without_stream_options,
)
MISTRAL = Sdk(
    row="mistral",
    flavour="mistral",
    connect=lambda url: Mistral(api_key=KEY, server_url=url.removesuffix("/v1")),
    errors=(SDKError, SDKError, SDKError, SDKError),
    in_band=None,
    as_it_sends=as_mistral_sends,
)
HUGGINGFACE = Sdk(
    row="huggingface",
    flavour="generic",
    connect=lambda url: huggingface_hub.AsyncInferenceClient(api_key=KEY, base_url=url),
    errors=(HfHubHTTPError, HfHubHTTPError, HfHubHTTPError, HfHubHTTPError),
    in_band=UnknownError,
    as_it_sends=as_huggingface_sends,
)
SDKS = (GROQ, HUGGINGFACE, MISTRAL, TOGETHER)
each_sdk = pytest.mark.parametrize("sdk", SDKS, ids=str)


def simulated(sdk: Sdk, toml: str = "") -> Simulator:
    return one(f'dialect = "openai"\nflavour = "{sdk.flavour}"\n{toml}')


async def whole(sdk: Sdk, simulator: Simulator, **fields: Any) -> Any:
    async with sdk.connect(simulator.base_url("a")) as client:
        if sdk is MISTRAL:
            return await client.chat.complete_async(**fields)
        return await client.chat.completions.create(**fields)


async def streamed(sdk: Sdk, simulator: Simulator, **fields: Any) -> list[Any]:
    """The chunks, out of the envelope that Mistral's client has around them."""
    async with sdk.connect(simulator.base_url("a")) as client:
        if sdk is MISTRAL:
            return [event.data async for event in await client.chat.stream_async(**fields)]
        stream = await client.chat.completions.create(**fields, stream=True)
        return [chunk async for chunk in stream]


def deltas(chunks: list[Any]) -> list[Any]:
    return [chunk.choices[0].delta for chunk in chunks if chunk.choices]


def reasons(chunks: list[Any]) -> list[str]:
    found = (chunk.choices[0].finish_reason for chunk in chunks if chunk.choices)
    return [reason for reason in found if reason]


@each_sdk
async def test_streamed_and_whole_say_the_same(sdk: Sdk) -> None:
    """The client reads the same text both ways, with finish reason and usage."""
    async with simulated(sdk) as simulator:
        reply, chunks = await whole(sdk, simulator, **HI), await streamed(sdk, simulator, **HI)
    (choice,) = reply.choices

    assert choice.message.content == "".join(delta.content or "" for delta in deltas(chunks)) != ""
    assert reasons(chunks) == [choice.finish_reason]
    assert reply.usage.completion_tokens == 24


@each_sdk
async def test_tools(sdk: Sdk) -> None:
    """A call whose arguments fit, whole and streamed."""
    asked = HI | {"messages": [{"role": "user", "content": "What says get_weather?"}], "tools": [TOOL]}
    async with simulated(sdk) as simulator:
        reply, chunks = await whole(sdk, simulator, **asked), await streamed(sdk, simulator, **asked)
    (call,) = reply.choices[0].message.tool_calls
    parts = [part.function for delta in deltas(chunks) for part in delta.tool_calls or ()]

    assert reasons(chunks) == [reply.choices[0].finish_reason] == ["tool_calls"]
    assert call.function.name == "".join(part.name or "" for part in parts) == "get_weather"
    assert call.function.arguments == "".join(part.arguments or "" for part in parts)
    assert list(json.loads(call.function.arguments)) == ["city"]


REFUSED: list[tuple[int, str, Json]] = [
    (401, 'keys = ["another"]', {}),
    (404, "", {"model": "gone"}),
    (429, 'faults = [{ kind = "429" }]', {}),
    (500, 'faults = [{ kind = "500" }]', {}),
]


def status_of(error: Any) -> int:
    """Its own attribute, or that of the response that it keeps."""
    status: int = error.status_code if hasattr(error, "status_code") else error.response.status_code
    return status


@each_sdk
@pytest.mark.parametrize("ask", [whole, streamed])
@pytest.mark.parametrize("case", range(len(REFUSED)))
async def test_errors(sdk: Sdk, ask: Callable[..., Any], case: int) -> None:
    """Each is the client's own exception for it, streamed and whole."""
    status, toml, fields = REFUSED[case]
    async with simulated(sdk, toml) as simulator:
        with pytest.raises(sdk.errors[case]) as caught:
            await ask(sdk, simulator, **HI | fields)

    assert status_of(caught.value) == status


@each_sdk
async def test_an_error_in_the_stream(sdk: Sdk) -> None:
    """The client raises; Mistral's says so in the finish reason."""
    async with simulated(sdk, 'faults = [{ kind = "error_frame", tokens = 2 }]') as simulator:
        if sdk.in_band is None:
            assert reasons(await streamed(sdk, simulator, **HI)) == ["error"]
        else:
            with pytest.raises(sdk.in_band, match="had an error while processing"):
                await streamed(sdk, simulator, **HI)


def sent_by_us(sdk: Sdk, request: goldens.Request) -> WireRequest:
    """The golden call as it goes to the provider; Groq wants the word "json" in it for JSON mode."""
    row = catalogue()[sdk.row]
    quirks: Json = {"renames": row.get("renames", {}), "drops": frozenset(row.get("drops", ()))}
    said = (Message("system", "Speak json where asked."), *request.call.messages)
    return OPENAI.encode(
        replace(request.call, messages=said), Target(row["base_url"], "some-model", **quirks)
    )


CALLS = [
    pytest.param(sdk, request, id=f"{sdk}-{request}")
    for sdk in SDKS
    for request in goldens.requests("openai")
    if not (sdk is MISTRAL and set(UNKNOWN) & set(request.body))
]


@pytest.mark.parametrize(("sdk", "request_"), CALLS)
async def test_what_it_sends_is_what_we_send(sdk: Sdk, request_: goldens.Request) -> None:
    """Given our fields as its arguments it makes our body, to our address; and the simulator takes it."""
    toml = f'[providers.a]\ndialect = "openai"\nflavour = "{sdk.flavour}"\nmodels = ["some-model"]'
    ours = sent_by_us(sdk, request_)
    body = json.loads(ours.body)
    expected = sdk.as_it_sends(body)
    given = {name: body[name] for name in body if name in expected and name not in (*UNKNOWN, "stream")}
    extra = {name: body[name] for name in UNKNOWN if name in body}
    async with simulating(toml) as simulator:
        ask = streamed if "stream" in body else whole
        assert await ask(sdk, simulator, **given, **({"extra_body": extra} if extra else {}))
        (record,) = simulator.requests()

    assert record["body"] == expected
    assert (record["method"], record["path"]) == (ours.method, urlsplit(ours.url).path)
    assert record["status"] == 200
