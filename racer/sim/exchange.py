"""What passes between a wire and the rest: a request read, a refusal, an answer to be put into bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from racer.sim.profile import Provider
    from racer.sim.quota import Closed, Standing

Finish = Literal["stop", "length", "tool_calls"]
Onset = Literal["rest", "echo", "anew"]
Why = Literal[
    "no_route",
    "method",
    "no_key",
    "bad_key",
    "bad_json",
    "bad_field",
    "unknown_field",
    "bad_turns",
    "no_model",
    "too_long",
    "too_big",
    "beyond_limit",
    "limit",
    "parallel",
    "no_quota",
    "credit",
    "forbidden",
    "server",
    "gateway",
    "unavailable",
    "timeout",
    "overloaded",
]

# the usual status of each refusal; a flavour may have another
STATUSES: Mapping[Why, int] = {
    "no_route": 404,
    "method": 405,
    "no_key": 401,
    "bad_key": 401,
    "bad_json": 400,
    "bad_field": 400,
    "unknown_field": 400,
    "bad_turns": 400,
    "no_model": 404,
    "too_long": 400,
    "too_big": 413,
    "beyond_limit": 429,
    "limit": 429,
    "parallel": 429,
    "no_quota": 429,
    "credit": 402,
    "forbidden": 403,
    "server": 500,
    "gateway": 502,
    "unavailable": 503,
    "timeout": 504,
    "overloaded": 529,
}


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is what follows the provider's prefix. Header names are looked up in any case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    query: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """The provider as it stands when a request comes: its n-th one, at `at` seconds of Unix time.

    `origin` is its address as the client wrote it, for providers that send addresses of their own.
    """

    provider: Provider
    serial: int
    at: float
    loaded: Mapping[str, float] = field(default_factory=dict[str, float])
    standings: tuple[Standing, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An answer that broke off, and what its reader says to that: a turn of the assistant, one of the user.

    prompt   all that was said before
    begun    what there is of the answer
    wish     the last words of the user
    """

    prompt: str
    begun: str
    wish: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that was understood.

    prompt    all that was said, without an answer begun by the caller
    prefix    the answer begun by the caller (a last message of the assistant): the text goes on from it
    onset     what is said to such a prefix: its rest, all with the prefix at its front, or an answer anew
    broken    the answer that the last user turn may want the end of
    schema    what the answer must fit; `json` alone: any object
    tools     the tools to be called now
    thoughts  whether the reasoning is shown, or only counted
    surface   which of the dialect's ways of asking it came by
    warm_up   nothing is asked: the model is only to be loaded
    hold      a job is to be made, and its answer held back for so many seconds at most; None: no job
    """

    model: str
    prompt: str
    stream: bool
    key: str | None = None
    prefix: str = ""
    onset: Onset = "rest"
    broken: Unfinished | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    json: bool = False
    schema: Mapping[str, Any] | None = None
    tools: tuple[ToolSpec, ...] = ()
    usage: bool = False
    reasoning: bool = True
    thoughts: bool = True
    padding: bool = True
    surface: str = "chat"
    warm_up: bool = False
    hold: float | None = None


@dataclass(frozen=True, slots=True)
class Errand:
    """A request about a job that was made: how it stands, what it has to say, or that it shall stop."""

    job: str
    what: Literal["look", "listen", "cancel"]
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered.

    why          limit: a limit has no room left; beyond_limit: it never has room for a request this large
    subject      the field, the model or the key (masked) that is meant
    retry_after  seconds, or the text of the header as it is
    """

    why: Why
    message: str = ""
    subject: str = ""
    retry_after: float | str | None = None
    closed: Closed | None = None


class Unfit(Exception):
    """Raised while a request is read: it has a fault, and `refusal` says which."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool; `tokens` are pieces of its arguments."""

    name: str
    tokens: tuple[str, ...]

    @property
    def text(self) -> str:
        return "".join(self.tokens)

    @property
    def whole(self) -> bool:
        """Whether no cap and no fault has cut the arguments."""
        try:
            orjson.loads(self.text)
        except orjson.JSONDecodeError:
            return False
        return True

    @property
    def arguments(self) -> dict[str, Any]:
        """For a dialect that sends them parsed; none where they are cut."""
        return orjson.loads(self.text) if self.whole else {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said: text, or calls of tools."""

    tokens: tuple[str, ...]
    prompt_tokens: int
    finish: Finish = "stop"
    reasoning: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()

    @property
    def text(self) -> str:
        return "".join(self.tokens)

    @property
    def output_tokens(self) -> int:
        return len(self.reasoning) + len(self.tokens) + sum(len(call.tokens) for call in self.calls)


@dataclass(frozen=True, slots=True)
class Turn:
    """All that a wire needs to write an answer down. `total` and `loading` are seconds."""

    moment: Moment
    ask: Ask
    answer: Answer
    total: float = 0.0
    loading: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands, or as it was when it was made (`new`).

    told, due   how many tokens of its answer were given before, and how many there are by now
    """

    turn: Turn
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    new: bool = False
    told: int = 0
    due: int = 0

    @property
    def id(self) -> str:
        return job_id(self.turn)


def job_id(turn: Turn) -> str:
    return f"{turn.ask.surface}-{turn.moment.provider.name}{turn.moment.serial}"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Frames:
    """A stream in pieces: opening, one frame a token of reasoning and of the answer, closing.

    closing   ends with `end`, the end marker
    comment   a sign of life without content
    early     headers, and `hello` if there is one, go out before the first token
    """

    headers: Mapping[str, str]
    opening: bytes
    reasoning: tuple[bytes, ...]
    tokens: tuple[bytes, ...]
    closing: bytes
    end: bytes
    comment: bytes
    early: bool = False
    hello: bytes = b""


@dataclass(frozen=True, slots=True)
class Wire:
    """What a provider of one dialect says, as a record of pure functions.

    read         a request -> what it asks, a page ready to send, a refusal; None: not a path of this dialect
    whole        an answer as one body
    stream       an answer as frames
    refuse       a refusal as status, headers and body
    error_frame  a refusal in the middle of a stream
    base         what a client's base URL has behind the provider's address

    Where it runs jobs:

    errand       what a request wants of a job, told by method and path; None: it is about none
    job          a job as it stands
    pieces       what a job has said since it was listened to last; None: `stream` says it all at once
    """

    name: str
    read: Callable[[Request, Moment], Ask | Reply | Refusal | None]
    whole: Callable[[Turn], Reply]
    stream: Callable[[Turn], Frames]
    refuse: Callable[[Refusal, Moment], Reply]
    error_frame: Callable[[Refusal, Turn], bytes]
    base: str = ""
    errand: Callable[[Request], Errand | None] | None = None
    job: Callable[[Job], Reply] | None = None
    pieces: Callable[[Job], Reply] | None = None
