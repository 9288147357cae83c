"""Streams that die at every place of a long answer, in every dialect: what the reader has then.

    python benchmarks/cuts.py [--tokens 2000] [--stride 1] [--dialect NAME ...]

The answer is cut behind each of its chunks, and behind each byte of some chunks; the ends take turns: a clean
end of the body, a reset, silence. Everything runs in one process on virtual time: the requests go to desks of
the simulator, which read them as it does, and the bodies that they decide on come back.

Without `resume` the reader has exactly the text before the cut, and StreamBroken. With it another lane goes
on, of the same dialect or of the next, by turns, and where a model can go on from a prefix also so: the
joined text equals the undisturbed one. A cut before the first token is no broken stream: the other lane
begins anew. A cut behind the finish reason breaks nothing.

An answer comes in blocks of chunks, but for the last ones before the cut, which come one by one. A RunPod job
is looked at: each of its chunks is what one look has brought.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.desks import EPOCH, HOST, Cut, Desks
from racer import Config, Racer, StreamBroken
from racer.core.provider import Account, Model
from racer.core.provider import Provider as Lane
from racer.sim import Profile, Provider
from racer.sim.answer import compose
from racer.sim.exchange import Ask, Moment
from racer.sim.profile import Constant, Distribution
from racer.sim.wire import WIRES
from racer.testing import VirtualLoop
from racer_adapters import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from benchmarks.desks import How

PROMPT = "Why is the sky blue?"
MODELS = {
    "cloudflare": "@cf/meta/llama-3.1-8b-instruct-fp8",
    "replicate": "meta/meta-llama-3-8b-instruct",
    "responses": "perplexity/sonar",
}
RATE = 197.3  # tokens per second: a job is looked at many times, and never at the instant of a token
BYTEWISE = 500  # one chunk in so many is cut behind each byte,
WIDE = 2  # and the first ones with characters of several bytes,
BYTES = 500  # or so many of them, where it tells the whole answer once more
HOWS: tuple[How, ...] = ("end", "reset", "hang")
ENDS = ("broken", "whole")
LONG = 3600.0


# ---------------------------------------------------------------- lanes, and an answer


def simulated(name: str, dialect: str) -> Provider:
    rate = Distribution(Constant(RATE))
    return Provider(name=name, dialect=dialect, models=(MODELS.get(dialect, "model1"),), rate=rate)


def profile_of(dialect: str, other: str, tokens: int) -> Profile:
    """The same question has the same answer at both."""
    providers = (simulated("one", dialect), simulated("two", other))
    return Profile(providers, same=True, length=Distribution(Constant(float(tokens))))


def lane_of(provider: Provider, *, prefill: bool) -> Lane:
    wire, *_ = WIRES[provider.dialect]
    can = frozenset({"prefill"} if prefill else ())
    return Lane(
        name=provider.name,
        dialect=provider.dialect,
        base_url=f"http://{HOST}/{provider.name}{wire.base}",
        models=(Model(provider.models[0], can=can),),
        accounts=(Account(provider.name),),
    )


async def read(
    transport: Desks, profile: Profile, *, resume: bool, prefill: bool = False
) -> tuple[str, str | None]:
    """What the reader has had, and the text of the reply; None: the stream has broken."""
    config = Config(providers=tuple(lane_of(each, prefill=prefill) for each in profile.providers))
    had: list[str] = []
    async with Racer(config, transport=transport) as racer:
        try:
            async with racer.stream(PROMPT, lanes=1, prefer="one", resume=resume, deadline=LONG) as stream:
                async for piece in stream:
                    had += [piece.text]
                return "".join(had), stream.reply.text
        except StreamBroken as broken:
            if broken.text != "".join(had):
                raise RuntimeError("StreamBroken tells another text than the reader has had") from None
            return "".join(had), None


@dataclass(frozen=True)
class Answer:
    """An undisturbed one: its chunks and the text of each, and whether its model goes on from a prefix."""

    chunks: tuple[bytes, ...]
    texts: tuple[str, ...]
    prefill: bool

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def before(self, place: int) -> set[str]:
        """The texts that a reader may have of the first `place` bytes.

        A chunk that lacks its final line break may count or not, and so may the last token where the end
        of the answer was cut, for it is in one chunk with that.
        """
        ends = list(accumulate(map(len, self.chunks)))
        whole = sum(end <= place for end in ends)
        text = "".join(self.texts[:whole])
        if whole == len(ends):
            return {text}
        chunk, token = self.chunks[whole], self.texts[whole]
        complete = whole == len(ends) - 1 or not chunk[place - ends[whole] :].strip()
        return {text, *([text + token] if complete else [])}


async def undisturbed(dialect: str, tokens: int) -> Answer:
    profile = profile_of(dialect, dialect, tokens)
    transport = Desks(profile)
    _, text = await read(transport, profile, resume=False)
    ask, provider = ask_of(transport, profile), profile.providers[0]
    chunks, texts = tuple(transport.heard), compose(ask, provider, profile).tokens
    if WIRES[dialect][0].pieces is not None:
        texts = tuple(map(_looked_at, chunks))
    unsaid = len(chunks) - len(texts)  # what opens a stream may be a chunk of its own
    answer = Answer(chunks, (*[""] * unsaid, *texts), prefill=ask.onset == "rest")
    if answer.text != text or len(answer.chunks) != len(answer.texts):
        raise RuntimeError(f"{dialect}: an answer that nobody disturbed is not what was said")
    return answer


def ask_of(transport: Desks, profile: Profile) -> Ask:
    """The first request, as the simulator understands it."""
    provider = profile.providers[0]
    assert transport.asked is not None
    found = WIRES[provider.dialect][0].read(transport.asked, Moment(provider, 1, EPOCH))
    assert isinstance(found, Ask)
    return found


def _looked_at(body: bytes) -> str:
    found: Any = orjson.loads(body)
    batches = [piece["output"]["choices"][0]["tokens"] for piece in found["stream"]]
    return "".join(token for batch in batches for token in batch)


# ---------------------------------------------------------------- every cut


@dataclass
class Tally:
    """How the cuts of one dialect ended; `wrong` says where and what."""

    ends: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])

    def note(self, what: str, good: bool, where: str) -> None:
        self.ends[what] += 1
        if not good:
            self.wrong.append(f"{where}: {what}")


def places(answer: Answer, stride: int) -> Iterator[int]:
    """Behind each chunk, and each byte of some; of all these one in `stride`."""
    found: list[int] = []
    wide = [number for number, text in enumerate(answer.texts) if not text.isascii()][:WIDE]
    end = 0
    for number, chunk in enumerate(answer.chunks):
        if number % BYTEWISE == 0 or number == len(answer.chunks) - 1 or number in wide:
            found += range(end, end + len(chunk), max(1, len(chunk) // BYTES))
        end += len(chunk)
        found.append(end)
    yield from found[::stride]


@dataclass(frozen=True)
class Case:
    """The first lane is cut; `second` goes on, from a prefix with `prefill`."""

    dialect: str
    second: str
    prefill: bool
    cut: Cut
    resume: bool

    def __str__(self) -> str:
        how = "prefilled" if self.prefill else "asked"
        cut = f"{self.cut.how} behind byte {self.cut.place}"
        return f"{self.dialect}, {cut}; then {self.second}, {how}, resume={self.resume}"


async def dialect_cut(dialect: str, tokens: int, stride: int) -> Tally:
    """Every cut, without and with `resume`."""
    tally, answer = Tally(), await undisturbed(dialect, tokens)
    seconds = await takers(dialect, tokens)
    for number, place in enumerate(places(answer, stride)):
        cut = Cut(place, HOWS[number % len(HOWS)])
        second, prefill = seconds[number // len(HOWS) % len(seconds)]
        for resume in (False, True):
            case = Case(dialect, second, prefill, cut, resume)
            profile = profile_of(dialect, second, tokens)
            had, reply = await read(Desks(profile, cut), profile, resume=resume, prefill=prefill)
            judge(tally, answer, case, had, reply)
    return tally


async def takers(dialect: str, tokens: int) -> list[tuple[str, bool]]:
    """Who may go on: the same dialect and the next, asked in words, and from a prefix where that is known."""
    following = [*DIALECTS, *DIALECTS][list(DIALECTS).index(dialect) + 1]
    both = [(each, await undisturbed(each, tokens)) for each in (dialect, following)]
    return [*((each, False) for each, _ in both), *((each, True) for each, answer in both if answer.prefill)]


def judge(tally: Tally, answer: Answer, case: Case, had: str, reply: str | None) -> None:
    before = answer.before(case.cut.place)
    if reply is not None:
        fine = case.resume or "" in before or answer.text in before
        tally.note("whole", fine and had == reply == answer.text, str(case))
    elif case.resume:
        tally.note("whole", False, str(case))
    else:
        tally.note("broken", had in before and had != "", str(case))


def on_virtual_time(run: Coroutine[Any, Any, Tally]) -> Tally:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(run)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokens", type=int, default=2000)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--dialect", nargs="*", choices=list(DIALECTS), default=list(DIALECTS))
    given = parser.parse_args()
    print(" ".join(["python benchmarks/cuts.py", *sys.argv[1:]]) + "\n")
    print(f"  {'dialect':12}{'cuts':>8}{'broken':>8}{'whole':>8}{'wrong':>8}{'seconds':>9}")
    wrong = 0
    for dialect in given.dialect:
        began = time.perf_counter()
        tally = on_virtual_time(dialect_cut(dialect, given.tokens, given.stride))
        counts = [tally.ends.total(), *(tally.ends[end] for end in ENDS), len(tally.wrong)]
        print(f"  {dialect:12}" + "".join(f"{n:8,}" for n in counts) + f"{time.perf_counter() - began:9.1f}")
        for line in tally.wrong[:5]:
            print(f"    {line}")
        wrong += len(tally.wrong)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
