"""The vocabulary of a call: what is asked, what goes over the wire, what comes back.

Every record is frozen. Nothing here knows a provider, a clock or a socket.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from racer_adapters.quick import quick

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer_adapters.dialect import Decoder
    from racer_adapters.secret import Secret

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "other"]

# ---------------------------------------------------------------- what is asked


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image by `https:` address or as a `data:` URL."""

    url: str
    detail: str | None = None


Part = TextPart | ImagePart


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for; `arguments` is JSON text, as OpenAI sends it.

    `signature` is what Gemini puts on its own calls and wants back as it was; other dialects leave it out.
    """

    id: str
    name: str
    arguments: str
    signature: str = ""


@quick
@dataclass(frozen=True, slots=True)
class Message:
    """`begun`: the last of all, an answer that the model is to go on with from its exact end."""

    role: Role
    content: str | tuple[Part, ...] = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """`named` forces the tool called `name`; the other modes are OpenAI's."""

    mode: Literal["auto", "none", "required", "named"]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """The form a reply must have: any JSON object, or JSON that fits `schema`."""

    kind: Literal["json", "schema"]
    schema: Mapping[str, Any] | None = None
    name: str = "reply"
    strict: bool | None = None


@quick
@dataclass(frozen=True, slots=True)
class Call:
    """One question, in no provider's dialect. `stream` is how it travels, not what the caller sees."""

    messages: tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    shape: Shape | None = None
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    stream: bool = True


# ---------------------------------------------------------------- where it goes


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes. `renames` and `drops` are a provider's quirks, as data: body fields by name."""

    base_url: str
    model: str
    key: Secret | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    renames: Mapping[str, str] = field(default_factory=dict[str, str])
    drops: frozenset[str] = frozenset()


@quick
@dataclass(frozen=True, slots=True)
class WireRequest:
    """Bytes ready to send. Headers may hold a key, so neither they nor the body show in a repr."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    dropped: tuple[str, ...] = ()


# ---------------------------------------------------------------- what comes back


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Refusal(Text):
    """Words in which a model says that it will not answer, where its provider tells them apart."""


@dataclass(frozen=True, slots=True)
class Reasoning:
    text: str


@dataclass(frozen=True, slots=True)
class ToolDelta:
    """A fragment of the tool call at `index`; `arguments` fragments are to be joined."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    signature: str = ""


@quick
@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call; `estimated` when the provider did not say and we counted the text."""

    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False
    neurons: float | None = None
    usd: float | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    reason: FinishReason


@dataclass(frozen=True, slots=True)
class End:
    """The end marker of the stream was seen, or a whole body was complete."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The reply is to be had by another request, `after` seconds from now; `decoder` reads its body.

    `url` may be relative to the first request, whose headers go along, with `headers` over them; so it must
    stay on that host, or within `kin`, the domains that are all the same provider's.
    """

    url: str
    decoder: Decoder = field(compare=False)
    method: str = "GET"
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    after: float = 0.0
    kin: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Undo:
    """To be sent when the lane is stopped before its end: closing the connection does not stop the job.

    `url` may be relative to the first request, whose headers go along, and stays on its host.
    """

    url: str
    method: str = "POST"


@quick
@dataclass(frozen=True, slots=True)
class Answer:
    """What one lane said, put together."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason | None = None
    ended: bool = False
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Installed:
    """A model that a server offers; `loaded`: it answers without a cold start, if its server tells."""

    name: str
    loaded: bool | None = None
    can: tuple[str, ...] = ()
