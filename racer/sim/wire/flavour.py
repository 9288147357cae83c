"""The flavours of the OpenAI dialect: where providers that speak it differ, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.sim.exchange import Why

MISTRAL_FIELDS = frozenset(
    {
        "frequency_penalty",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_mode",
        "random_seed",
        "reasoning_effort",
        "response_format",
        "safe_prompt",
        "stop",
        "stream",
        "temperature",
        "tool_choice",
        "tools",
        "top_p",
    }
)
OLLAMA_IGNORES = frozenset({"max_completion_tokens", "n", "parallel_tool_calls", "tool_choice", "user"})


@dataclass(frozen=True, slots=True)
class Flavour:
    """
    ids          how the ids of its answers begin
    extras       fields of every body and chunk
    shape        form of its error bodies
    in_band      form of an error in the middle of a stream
    headers      which rate-limit headers it sends, and what they mean
    waits        whether it says on a 429 how long to wait
    statuses     where its status differs from the usual one
    only         the fields it knows, where others are refused
    ignores      fields it reads over
    lists        fields that must be a list
    thoughts     the field that holds reasoning
    usage        when a stream tells the usage: asked, always (a chunk of its own), finish (the last chunk)
    stop         its word for a natural end
    early        headers, and `hello`, go out before the first token
    comment      keep-alive comment
    whole_calls  a tool call is streamed in one piece
    interleaves  the arguments of parallel calls may come in turns, told apart by their index
    prefills     what a last turn of the assistant is: the beginning of the answer (yes), that only if it has
                 `prefix`, and the answer says it again (marked), or a turn after which one starts anew (no)
    json_word    JSON mode wants the word "json" in the messages
    """

    ids: str = "chatcmpl-"
    extras: Mapping[str, Any] = field(default_factory=dict[str, Any])
    shape: Literal["openai", "code", "numeric", "flat", "object", "title", "ollama"] = "openai"
    in_band: Literal["frame", "event", "chunk", "status", "finish", "silence"] = "frame"
    headers: Literal["", "openai", "groq", "cerebras", "sambanova", "together", "mistral", "openrouter"] = ""
    waits: bool = True
    statuses: Mapping[Why, int] = field(default_factory=dict["Why", int])
    only: frozenset[str] | None = None
    ignores: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    thoughts: str = "reasoning_content"
    usage: Literal["asked", "always", "finish"] = "asked"
    stop: str = "stop"
    early: bool = False
    hello: bytes = b""
    comment: bytes = b": keep-alive\n\n"
    whole_calls: bool = False
    interleaves: bool = False
    prefills: Literal["yes", "marked", "no"] = "yes"
    json_word: bool = False


FLAVOURS: Mapping[str, Flavour] = {
    "generic": Flavour(shape="code", interleaves=True),
    "openai": Flavour(
        extras={"service_tier": "default", "system_fingerprint": "fp_sim"},
        headers="openai",
        prefills="no",
        json_word=True,
    ),
    "groq": Flavour(
        extras={"system_fingerprint": "fp_sim"},
        in_band="event",
        headers="groq",
        statuses={"beyond_limit": 413},
        thoughts="reasoning",
        whole_calls=True,
        json_word=True,
    ),
    "openrouter": Flavour(
        ids="gen-",
        extras={"provider": "Simulated"},
        shape="numeric",
        in_band="chunk",
        headers="openrouter",
        statuses={"no_model": 400},
        thoughts="reasoning",
        usage="always",
        early=True,
        hello=b": OPENROUTER PROCESSING\n\n",
        comment=b": OPENROUTER PROCESSING\n\n",
    ),
    "mistral": Flavour(
        ids="",
        shape="object",
        in_band="finish",
        headers="mistral",
        statuses={"bad_field": 422, "unknown_field": 422},
        only=MISTRAL_FIELDS,
        usage="finish",
        whole_calls=True,
        prefills="marked",
    ),
    "cerebras": Flavour(
        extras={"system_fingerprint": "fp_sim"},
        shape="flat",
        in_band="status",
        headers="cerebras",
        prefills="no",
        thoughts="reasoning",
    ),
    "sambanova": Flavour(headers="sambanova", thoughts="reasoning", usage="always", prefills="no"),
    "together": Flavour(
        ids="o",
        headers="together",
        statuses={"bad_field": 422},
        lists=frozenset({"stop"}),
        thoughts="reasoning",
        usage="finish",
        stop="eos",
        prefills="no",
    ),
    "nvidia": Flavour(shape="title", waits=False, early=True, prefills="no"),
    "ollama": Flavour(
        extras={"system_fingerprint": "fp_ollama"},
        shape="ollama",
        in_band="silence",
        ignores=OLLAMA_IGNORES,
        thoughts="reasoning",
    ),
}
