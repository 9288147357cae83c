"""A tiny call for each account, through the same engine as a race: who works, and what is wrong with others.

Accounts of one provider are called one after another, as are models on one machine; the rest at once.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
from yarl import URL

from racer.accounts.diagnosis import Diagnosis, Patient, Verdict, diagnosed
from racer.api import FAREWELL
from racer.background import Background
from racer.core.breaker import Breakers
from racer.core.consequence import FOREVER
from racer.core.options import Defaults, read
from racer.engine import Race
from racer.exchange import Exchange
from racer.stage import Stage
from racer.transport import Proxies
from racer_adapters import DIALECTS
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from racer.core.breaker import Block
    from racer.core.field import Field
    from racer.core.options import Ask
    from racer.core.provider import Account, Lane, Model, Provider
    from racer.exchange import Transport
    from racer.ledger import Ledger
    from racer.stage import Result

PROMPT = "Reply with OK"
TOKENS = 64
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of an account, or of a provider that could not be called.

    `latency`: seconds of its call. `missing`: variables that would have to be set.
    """

    provider: Provider
    diagnosis: Diagnosis
    account: Account | None = None
    model: str = ""
    latency: float | None = None
    missing: tuple[str, ...] = ()

    @property
    def has_key(self) -> bool:
        return any(account.key is not None for account in self.provider.accounts)

    @property
    def name(self) -> str:
        return self.provider.name if self.account is None else self.account.name

    @property
    def hint(self) -> str:
        """The end of its key; empty where there is none."""
        return self.account.key.hint if self.account is not None and self.account.key is not None else ""

    def to_dict(self, now: float) -> dict[str, Any]:
        """Plain values, as `--json` prints them. `now` and `until` are in unix seconds."""
        found = self.diagnosis
        return {
            "account": self.name,
            "provider": self.provider.name,
            "key": self.hint or None,
            "model": self.model or None,
            "verdict": str(found.verdict),
            "standing": str(found.standing),
            "reason": found.reason or None,
            "status": found.status,
            "step": found.step or None,
            "console": self.provider.console or None,
            "latency": None if self.latency is None else round(self.latency, 6),
            "until": None if found.wait is None else round(now + found.wait),
        }


def one_each(field: Field) -> list[Lane]:
    """For each account its cheapest model where all prices are known, otherwise the first."""
    accounts: dict[str, list[Lane]] = {}
    for lane in field.lanes:
        accounts.setdefault(lane.account.name, []).append(lane)
    return [_cheapest(lanes) for lanes in accounts.values()]


def _cheapest(lanes: Sequence[Lane]) -> Lane:
    """A model in memory before one that has to be loaded: loading takes minutes."""
    in_memory = [lane for lane in lanes if lane.model.loaded] or lanes
    known = all(lane.model.price is not None for lane in in_memory)
    return min(in_memory, key=lambda lane: _price(lane.model)) if known else in_memory[0]


def _price(model: Model) -> float:
    return sum(model.price or ())


def questions(deadline: float) -> Ask:
    """What every account is asked. Raises BadRequest for a deadline that is none."""
    return read(PROMPT, {"max_tokens": TOKENS, "deadline": deadline, "policy": "one"}, Defaults())


async def examine(
    lanes: Sequence[Lane],
    ask: Ask,
    transport: Transport,
    ledger: Ledger,
    told: Callable[[Finding], None],
) -> list[Finding]:
    """A finding for each lane, in the order of the lanes; `told` hears of each as soon as it is there.

    These are calls like any other: `ledger`, which is open, counts them.
    """
    findings: dict[str, Finding] = {}
    limiter = anyio.CapacityLimiter(AT_ONCE)
    aside = Background()
    caller = _Caller(ask, Exchange(transport, DIALECTS, aside.start), ledger)

    async def one_after_another(queue: Sequence[Lane]) -> None:
        for number, lane in enumerate(queue):
            await anyio.sleep(lane.provider.min_interval if number else 0.0)
            async with limiter:
                findings[lane.id] = await caller.call(lane)
            told(findings[lane.id])

    try:
        async with anyio.create_task_group() as group:
            for queue in _queues(lanes):
                group.start_soon(one_after_another, queue)
    finally:
        with anyio.CancelScope(shield=True):
            await aside.aclose(patience=FAREWELL)
    return [findings[lane.id] for lane in lanes]


def _queues(lanes: Sequence[Lane]) -> list[list[Lane]]:
    queues: dict[str, list[Lane]] = {}
    for lane in lanes:
        queues.setdefault(lane.host if lane.provider.local else lane.provider.name, []).append(lane)
    return list(queues.values())


class _Caller:
    def __init__(self, ask: Ask, exchange: Exchange, ledger: Ledger) -> None:
        self._ask = ask
        self._exchange = exchange
        self._ledger = ledger
        self._proxies = Proxies()

    async def call(self, lane: Lane) -> Finding:
        """A race of this lane alone, with breakers of its own: what befell others is not its fault."""
        began = anyio.current_time()
        stage = Stage(self._exchange, Breakers(), anyio.current_time, self._ledger.observe)
        gate = self._ledger.admission(stage.breakers, self._ask.call)
        race_id = os.urandom(8).hex()
        result = await Race(race_id, [lane], self._ask, stage, gate, began=began).run()
        now = anyio.current_time()
        diagnosis = self._diagnosis(lane, result, gate.blocked(lane, now), now)
        latency = now - began if result.attempts else None
        return Finding(lane.provider, diagnosis, lane.account, lane.model.name, latency)

    def _diagnosis(self, lane: Lane, result: Result, block: Block | None, now: float) -> Diagnosis:
        if result.reply is not None:
            return Diagnosis(Verdict.WORKS)
        if _only_thought(result):
            return Diagnosis(Verdict.WORKS, f"it thought for all of the {TOKENS} tokens that it had")
        error = WireError(Kind.TIMEOUT, f"no answer within {self._ask.rules.deadline:g} s")
        if result.reasons:
            error = result.reasons[-1][1]
        elif block is not None and not result.attempts:
            wait = block.until - now
            kind = Kind.QUOTA if wait < FOREVER else Kind.LOCAL
            error = WireError(kind, block.reason, retry_after=wait if wait < FOREVER else None)
        return diagnosed(error, Patient(lane.provider, lane.account, lane.model.name, self._proxy(lane)))

    def _proxy(self, lane: Lane) -> str:
        """Its host and port alone: the rest of its address may hold a password."""
        proxy = self._proxies.of(URL(lane.provider.base_url))
        return "" if proxy is None else shown_proxy(proxy)


def _only_thought(result: Result) -> bool:
    """An empty answer that has used up its tokens: the account answers, and the model thinks long."""
    usage = result.attempts[-1].usage if result.attempts else None
    empty = bool(result.reasons) and result.reasons[-1][1].kind is Kind.EMPTY
    return empty and usage is not None and usage.output_tokens >= TOKENS


def shown_proxy(address: str) -> str:
    try:
        url = URL(address if "://" in address else f"http://{address}")
    except ValueError:
        return "of the environment"
    return f"{url.host}:{url.port}" if url.host else "of the environment"
