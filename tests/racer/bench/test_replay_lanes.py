"""The lanes of a replay: whom they stand for, what holds for them, and how they answer."""

from __future__ import annotations

import anyio
import pytest

from racer.bench.chance import NEVER, Fate
from racer.bench.replay_lanes import DIALECTS, MOST_PROMPT, REPLAYED, Network, cast_of, question
from racer.bench.trace import Place, Trace
from racer.core.provider import Account, Limit, Model, Provider
from racer_adapters.errors import Kind, WireError
from racer_adapters.messages import parse_messages
from racer_adapters.secret import Secret
from racer_adapters.types import Call, End, Finish, Target, Text, Usage
from tests.racer.bench.traces import places

DIALECT = DIALECTS[REPLAYED]
BROKEN = WireError(Kind.RATE, "slow down", status=429)
LIMIT = Limit("requests", 30, "minute")
TARGET = Target("http://a.invalid", "m", Secret("a a"))


def traced(*lanes: str) -> Trace:
    return Trace(lanes=places(lanes))


# ---------------------------------------------------------------- whom they stand for


def test_a_lane_keeps_what_is_configured_of_its_provider() -> None:
    """Limits, order, time limits and where it is; not its key, its address book or its dialect."""
    configured = Provider(
        "a", "gemini", "https://a.test/v1",
        models=(Model("m", tags=frozenset({"fast"}), context=10, price=(1, 2)), Model("other")),
        accounts=(Account("a", Secret("sesame-open-up"), pool="p"), Account("second", Secret("another"))),
        limits=(LIMIT,), priority=7, timeout=9.0, parallel=3, enabled=False, unusable="gone", discover=True,
        headers={"x": "y"},
    )  # fmt: skip

    (found,) = cast_of(traced("a/m"), (configured,)).providers

    assert (found.limits, found.priority, found.timeout, found.parallel) == ((LIMIT,), 7, 9.0, 3)
    assert found.models == (Model("m", tags=frozenset({"fast"}), price=(1, 2)),)
    assert [(account.name, account.pool) for account in found.accounts] == [("a", "p")]
    assert found.accounts[0].key == Secret("a a")
    assert (found.dialect, found.enabled, found.unusable, found.discover) == (REPLAYED, True, "", False)
    assert found.headers == {}


def test_providers_keep_their_order_and_strangers_come_last() -> None:
    """As ranked now; who is not known any more has no limits, and is said to be gone."""
    configured = (
        Provider("b", "openai", "https://b.test", models=(Model("m"),), accounts=(Account("b"),)),
        Provider("a", "openai", "https://a.test", models=(Model("m"),), accounts=(Account("a"),)),
    )

    cast = cast_of(traced("a/m", "b/m", "z/m"), configured)

    assert [provider.name for provider in cast.providers] == ["b", "a", "z"]
    assert cast.providers[-1].limits == ()
    assert cast.gone == {"z/m": "no limit of it is known"}


@pytest.mark.parametrize("gone", [{"models": (Model("n"),)}, {"accounts": (Account("x"),)}])
def test_a_lane_may_be_gone_whose_provider_is_there(gone: dict[str, object]) -> None:
    """Its model, or its key. Then the provider's limits hold."""
    usual: dict[str, object] = {"models": (Model("m"),), "accounts": (Account("a"),), "limits": (LIMIT,)}
    provider = Provider("a", "openai", "https://a.test", **{**usual, **gone})  # type: ignore[arg-type]

    cast = cast_of(traced("a/m"), (provider,))

    assert cast.gone == {"a/m": "its provider's limits hold"}
    assert cast.providers[0].limits == (LIMIT,)


def test_models_of_a_local_server_are_found_there() -> None:
    """What is installed need not be configured; `:latest` makes no other model."""
    server = Provider(
        "o", "ollama", "http://localhost:1", models=(Model("m", tags=frozenset({"deep"})),),
        accounts=(Account("o"),), local=True, discover=True,
    )  # fmt: skip

    cast = cast_of(traced("o/m:latest", "o/n"), (server,))

    assert cast.local == {"o"}
    assert cast.gone == {}
    assert cast.providers[0].models == (Model("m:latest", tags=frozenset({"deep"})), Model("n"))


def test_lanes_are_told_apart_by_their_keys() -> None:
    """Names may have changed since: with a second key, they have the account in them."""
    lanes = {"a/m": Place("a", "m", "a:ONE"), "a/m@TWO": Place("a", "m", "a:TWO")}

    cast = cast_of(Trace(lanes=lanes), ())

    assert cast.ids == {"a/m": "a/m@ONE", "a/m@TWO": "a/m@TWO"}


# ---------------------------------------------------------------- how they are asked


def test_a_question_says_its_race_and_is_as_long_as_that_one_was() -> None:
    """Four bytes a token; of one that fills a book, as much as is of use."""
    assert question(17, 25).split(maxsplit=1)[0] == "17"
    assert len(question(17, 25)) == 100
    assert len(question(1, 10**9)) == 4 * MOST_PROMPT
    assert question(123_456_789, 1).strip() == "123456789"


def call(text: str, *, stream: bool = True) -> Call:
    return Call(parse_messages(text), stream=stream)


async def played(fate: Fate, *, stream: bool = True) -> list[tuple[float, object]]:
    """What is decoded, and when. A failure is the last of it."""
    asked: list[tuple[int, str, int]] = []

    def play(race: int, lane: str, number: int) -> Fate:
        asked.append((race, lane, number))
        return fate

    network = Network(traced("a/m"), play)
    request = DIALECT.encode(call(question(17, 25), stream=stream), TARGET)
    began, found, decoder = anyio.current_time(), list[tuple[float, object]](), DIALECT.decoder()
    try:
        async with network.send(request) as incoming:
            assert incoming.status == 200
            while not incoming.ended:
                events = decoder.feed(await incoming.read())
                found += [(round(anyio.current_time() - began, 6), event) for event in events]
    except WireError as error:
        found.append((round(anyio.current_time() - began, 6), error))
    assert asked == [(17, "a/m", 0)]
    return found


def tokens(events: list[tuple[float, object]]) -> list[tuple[float, int]]:
    return [(at, len(event.text) // 4) for at, event in events if isinstance(event, Text)]


@pytest.mark.anyio
async def test_an_answer_comes_as_it_did() -> None:
    """Its first token when it was due, what was written since with each second, the rest at its end."""
    events = await played(Fate(0.5, 3.0, None, 50))

    assert tokens(events) == [(0.5, 1), (1.5, 19), (2.5, 20), (3.0, 10)]
    assert [event for at, event in events if at == 3.0][1:] == [Finish("stop"), Usage(25, 50), End()]


@pytest.mark.anyio
async def test_an_answer_that_is_not_streamed_comes_at_its_end() -> None:
    """Who asks for it whole sees nothing before."""
    events = await played(Fate(0.5, 3.0, None, 50), stream=False)

    assert tokens(events) == [(3.0, 50)]


@pytest.mark.anyio
async def test_an_answer_may_come_at_once() -> None:
    """Its first token is its last."""
    assert tokens(await played(Fate(2.0, 2.0, None, 7))) == [(2.0, 7)]


@pytest.mark.anyio
@pytest.mark.parametrize("stream", [True, False])
async def test_a_refusal_comes_when_it_did(stream: bool) -> None:
    """As the engine's own failure, of the kind that it was."""
    assert await played(Fate(None, 0.25, BROKEN), stream=stream) == [(0.25, BROKEN)]


@pytest.mark.anyio
async def test_a_reply_may_break_off() -> None:
    """Behind what had come of it."""
    events = await played(Fate(0.5, 2.0, BROKEN, 30))

    assert tokens(events) == [(0.5, 1), (1.5, 19)]
    assert events[-1] == (2.0, BROKEN)


@pytest.mark.anyio
@pytest.mark.parametrize(("fate", "said"), [(Fate(None, NEVER), []), (Fate(0.5, NEVER), [(0.5, 1)])])
async def test_silence_lasts(fate: Fate, said: list[tuple[float, int]]) -> None:
    """Nothing comes any more, however long somebody waits."""
    network = Network(traced("a/m"), lambda race, lane, number: fate)
    request = DIALECT.encode(call("1 xxx"), TARGET)
    found: list[tuple[float, int]] = []
    began = anyio.current_time()
    with anyio.move_on_after(1000) as scope:
        async with network.send(request) as incoming:
            while True:
                (event,) = DIALECT.decoder().feed(await incoming.read())
                assert isinstance(event, Text)
                found.append((anyio.current_time() - began, len(event.text) // 4))

    assert scope.cancelled_caught
    assert [(round(at, 6), count) for at, count in found] == said


@pytest.mark.anyio
async def test_each_call_of_a_race_is_played_as_its_own() -> None:
    """A lane that is asked again is asked for the second time."""
    asked: list[tuple[int, str, int]] = []

    def play(race: int, lane: str, number: int) -> Fate:
        asked.append((race, lane, number))
        return Fate(0.0, 0.0)

    network = Network(traced("a/m"), play)
    for text in ("3 x", "3 x", "4 x"):
        async with network.send(DIALECT.encode(call(text), TARGET)) as incoming:
            await incoming.read()

    assert asked == [(3, "a/m", 0), (3, "a/m", 1), (4, "a/m", 0)]


def test_what_has_no_end_is_cut_off() -> None:
    """The dialect holds what every dialect does."""
    (cut,) = DIALECT.decoder().close()

    assert isinstance(cut, WireError)
    assert cut.kind is Kind.TRUNCATED
    assert DIALECT.classify(503, {}, b"").status == 503
