"""Google's own client against the simulator: it must parse everything and raise its own errors."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from tests.racer.sim.loopback import simulating
from tests.racer.sim.scenes import KEY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from racer.sim import Simulator

pytestmark = pytest.mark.anyio
MODEL = "gemini-3.5-flash"
DECLARED = types.FunctionDeclaration(
    name="get_weather",
    parameters_json_schema={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
)
TOOLS: list[Any] = [types.Tool(function_declarations=[DECLARED])]


class City(BaseModel):
    name: str
    people: int


@asynccontextmanager
async def client_of(simulator: Simulator, key: str = KEY) -> AsyncGenerator[Any]:
    """The official client, as Any: its types name a library of pictures that is not installed."""
    async with httpx.AsyncClient() as http:
        options = types.HttpOptions(
            base_url=f"{simulator.url}/gemini",
            httpx_async_client=http,
            retry_options=types.HttpRetryOptions(attempts=1),
        )
        yield genai.Client(api_key=key, http_options=options).aio.models


@asynccontextmanager
async def connected(toml: str = "") -> AsyncGenerator[Any]:
    profile = f'[providers.gemini]\ndialect = "gemini"\nmodels = ["{MODEL}", "gemma-3-27b-it"]\n{toml}'
    async with simulating(profile) as simulator, client_of(simulator) as client:
        yield client


async def asked(client: Any) -> Any:
    return await client.generate_content(model=MODEL, contents="Say hi")


async def streamed(client: Any, config: Any = None, contents: Any = "Say hi") -> list[Any]:
    stream = await client.generate_content_stream(model=MODEL, contents=contents, config=config)
    return [piece async for piece in stream]


async def test_streamed_and_whole_say_the_same() -> None:
    """The client reads the same text both ways, with reason and counts."""
    async with connected() as client:
        whole = await client.generate_content(model=MODEL, contents="Say hi")
        pieces = await streamed(client)

    assert whole.text == "".join(piece.text or "" for piece in pieces)
    assert whole.candidates[0].finish_reason is types.FinishReason.STOP
    assert [piece.candidates[0].finish_reason for piece in pieces] == [None] * 24 + [types.FinishReason.STOP]
    assert whole.usage_metadata.candidates_token_count == 24
    assert pieces[-1].usage_metadata == whole.usage_metadata


async def test_options_are_obeyed() -> None:
    """The cap cuts; a stop sequence ends the text before itself."""
    async with connected() as client:
        capped = await client.generate_content(
            model=MODEL, contents="Say hi", config=types.GenerateContentConfig(max_output_tokens=3)
        )
        whole = await client.generate_content(model=MODEL, contents="Say hi")
        word = whole.text.split()[2]
        stopped = await streamed(client, types.GenerateContentConfig(stop_sequences=[word], seed=1))

    assert capped.candidates[0].finish_reason is types.FinishReason.MAX_TOKENS
    assert whole.text.startswith(capped.text)
    assert "".join(piece.text or "" for piece in stopped) == whole.text.partition(word)[0]


async def test_thoughts_are_shown_when_asked_for_and_counted_always() -> None:
    """Marked as such, and apart from the answer's tokens."""
    shown = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
    none = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(thinking_budget=0))
    async with connected("reasoning = 5") as client:
        hidden = await client.generate_content(model=MODEL, contents="Say hi")
        whole = await client.generate_content(model=MODEL, contents="Say hi", config=shown)
        pieces = await streamed(client, shown)
        silent = await client.generate_content(model=MODEL, contents="Say hi", config=none)

    assert [part.thought for part in whole.candidates[0].content.parts] == [True, None]
    assert whole.text == hidden.text == silent.text
    thoughts = [part for piece in pieces for part in piece.candidates[0].content.parts if part.thought]
    assert "".join(part.text for part in thoughts) == whole.candidates[0].content.parts[0].text
    assert [reply.usage_metadata.thoughts_token_count for reply in (hidden, whole, silent)] == [5, 5, None]


async def test_all_tokens_may_go_into_thoughts() -> None:
    """Then there is no text at all, and the client makes None of that."""
    async with connected("reasoning = 5") as client:
        reply = await client.generate_content(
            model=MODEL, contents="Say hi", config=types.GenerateContentConfig(max_output_tokens=4)
        )

    assert (reply.text, reply.candidates[0].finish_reason) == (None, types.FinishReason.MAX_TOKENS)


@pytest.mark.parametrize("stream", [False, True])
async def test_tools_and_their_results(stream: bool) -> None:
    """A call with id, arguments and signature; sent back with its result it is answered in words."""
    config = types.GenerateContentConfig(tools=TOOLS)
    asked = types.Content(role="user", parts=[types.Part(text="Use get_weather for Oslo")])
    async with connected() as client:
        if stream:
            turn = (await streamed(client, config, [asked]))[0].candidates[0].content
        else:
            reply = await client.generate_content(model=MODEL, contents=[asked], config=config)
            turn = reply.candidates[0].content
        call = turn.parts[0].function_call
        result = types.FunctionResponse(id=call.id, name=call.name, response={"output": "cold"})
        back = types.Content(role="user", parts=[types.Part(function_response=result)])
        answer = await client.generate_content(model=MODEL, contents=[asked, turn, back], config=config)

    assert (call.name, set(call.args)) == ("get_weather", {"city"})
    assert turn.parts[0].thought_signature.startswith(b"signed ")
    assert answer.function_calls is None
    assert answer.text


async def test_a_call_that_comes_back_unsigned_is_refused() -> None:
    """As the models of today do."""
    call = types.Part(function_call=types.FunctionCall(name="get_weather", args={}))
    result = types.Part(function_response=types.FunctionResponse(name="get_weather", response={}))
    turns = [
        types.Content(role="user", parts=[types.Part(text="Hi")]),
        types.Content(role="model", parts=[call]),
        types.Content(role="user", parts=[result]),
    ]
    async with connected() as client:
        with pytest.raises(errors.ClientError, match="thought_signature") as raised:
            await client.generate_content(model=MODEL, contents=turns)

    assert (raised.value.code, raised.value.status) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("mode", "names", "calls"),
    [("ANY", ["get_weather"], True), ("ANY", None, True), ("NONE", None, False), ("AUTO", None, False)],
)
async def test_the_choice_of_tools_is_obeyed(mode: str, names: list[str] | None, calls: bool) -> None:
    """Forced, forbidden, or left to the model, which sees no need."""
    choice = types.FunctionCallingConfig.model_validate({"mode": mode, "allowed_function_names": names})
    config = types.GenerateContentConfig(
        tools=TOOLS, tool_config=types.ToolConfig(function_calling_config=choice)
    )
    async with connected() as client:
        reply = await client.generate_content(model=MODEL, contents="Say hi", config=config)

    assert bool(reply.function_calls) is calls


async def test_a_schema_is_kept_to() -> None:
    """The client parses the answer into the caller's own type."""
    config = types.GenerateContentConfig(
        response_mime_type="application/json", response_json_schema=City.model_json_schema()
    )
    async with connected() as client:
        reply = await client.generate_content(model=MODEL, contents="A city", config=config)
        pieces = await streamed(client, config, "A city")

    assert City.model_validate_json(reply.text)
    assert "".join(piece.text or "" for piece in pieces) == reply.text


async def test_the_list_of_models() -> None:
    """With what each can do: not all of them generate text."""
    async with connected() as client:
        models = [model async for model in await client.list()]
        one = await client.get(model=MODEL)

    able = [model.name for model in models if "generateContent" in model.supported_actions]
    assert able == [f"models/{MODEL}", "models/gemma-3-27b-it"]
    assert len(models) == 3
    assert one.name == f"models/{MODEL}"


REFUSALS: list[tuple[str, type[errors.APIError], int, str]] = [
    ('{ kind = "400" }', errors.ClientError, 400, "INVALID_ARGUMENT"),
    ('{ kind = "401" }', errors.ClientError, 400, "INVALID_ARGUMENT"),
    ('{ kind = "402" }', errors.ClientError, 402, "RESOURCE_EXHAUSTED"),
    ('{ kind = "403" }', errors.ClientError, 403, "PERMISSION_DENIED"),
    ('{ kind = "404" }', errors.ClientError, 404, "NOT_FOUND"),
    ('{ kind = "429", retry_after = 46 }', errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
    ('{ kind = "insufficient_quota" }', errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
    ('{ kind = "500" }', errors.ServerError, 500, "INTERNAL"),
    ('{ kind = "503" }', errors.ServerError, 503, "UNAVAILABLE"),
    ('{ kind = "504" }', errors.ServerError, 504, "DEADLINE_EXCEEDED"),
    ('{ kind = "529" }', errors.ServerError, 503, "UNAVAILABLE"),
]


@pytest.mark.parametrize(("fault", "kind", "code", "status"), REFUSALS)
@pytest.mark.parametrize("ask", [asked, streamed])
async def test_refusals_raise_the_clients_own_errors(
    fault: str, kind: type[errors.APIError], code: int, status: str, ask: Callable[[Any], Awaitable[Any]]
) -> None:
    """With Google's code and status, whole and streamed."""
    async with connected(f"faults = [{fault}]") as client:
        with pytest.raises(kind) as raised:
            await ask(client)

    assert (raised.value.code, raised.value.status) == (code, status)


async def test_a_limit_tells_quota_and_wait() -> None:
    """In the details, by their types: there are no headers for that."""
    async with connected('limits = [{ requests = 1, per = "day", scope = "model" }]') as client:
        await client.generate_content(model=MODEL, contents="Say hi")
        with pytest.raises(errors.ClientError) as raised:
            await client.generate_content(model=MODEL, contents="Say hi")

    error: Any = raised.value
    details = {detail["@type"].rpartition(".")[2]: detail for detail in error.details["error"]["details"]}
    assert details["QuotaFailure"]["violations"][0]["quotaId"] == (
        "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
    )
    assert details["RetryInfo"]["retryDelay"] == "86400s"


async def test_an_error_in_mid_stream() -> None:
    """Raw JSON over several lines: the client finds it, and raises what it found."""
    async with connected('faults = [{ kind = "error_frame", tokens = 2 }]') as client:
        stream = await client.generate_content_stream(model=MODEL, contents="Say hi")
        said = [(await anext(stream)).text for _ in range(2)]
        with pytest.raises(errors.ServerError) as raised:
            await anext(stream)

    assert all(said)
    assert raised.value.code == 500


@pytest.mark.parametrize(("key", "code"), [("wrong-key", 400), (" ", 403)])
async def test_a_list_of_keys_is_kept_to(key: str, code: int) -> None:
    """A wrong key is a bad argument to Google, and no key a forbidden one."""
    profile = f'[providers.gemini]\ndialect = "gemini"\nmodels = ["{MODEL}"]\nkeys = ["{KEY}"]'
    async with simulating(profile) as simulator:
        async with client_of(simulator) as client:
            assert (await client.generate_content(model=MODEL, contents="Say hi")).text
        async with client_of(simulator, key) as client:
            with pytest.raises(errors.ClientError) as raised:
                await client.generate_content(model=MODEL, contents="Say hi")
        visits = simulator.requests()

    assert raised.value.code == code
    assert KEY not in str(visits)
    assert all("key=" not in visit["path"] for visit in visits)


async def test_gemma_takes_no_system_instruction() -> None:
    """The older ones say so."""
    config = types.GenerateContentConfig(system_instruction="Be brief.")
    async with connected() as client:
        with pytest.raises(errors.ClientError, match="Developer instruction is not enabled"):
            await client.generate_content(model="gemma-3-27b-it", contents="Hi", config=config)
