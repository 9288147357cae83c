"""Money that was not spent: what answers that cost nothing would have cost at list prices. Pure.

Rule 1: only the tokens of winners count. What a loser used is what racing costs, and no gain.
Rule 2: the price is the model's own at its provider; else that of the cheapest provider that has a model of
        that name; else the median of all models that have a price.
Rule 3: only what is given away counts: a local server's answers, those of a model whose price is 0, and those
        of a provider that allows so much for a day or longer, or once. Other answers count only where the
        provider tells what they cost.
Rule 4: what was really paid is taken off.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from racer.core.duration import seconds
from racer.core.span import DAY, LENGTHS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from racer.core.provider import Provider

_VARIANTS = (":free", ":latest")
_MAKER = "meta-"  # some write it before their models' names, others do not


class Had(Protocol):
    """What one model of one provider gave: tokens of winners, and what was paid for all its calls."""

    @property
    def provider(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def answer_input(self) -> int: ...
    @property
    def answer_output(self) -> int: ...
    @property
    def usd(self) -> float: ...


class Price(NamedTuple):
    """USD for a million tokens, in and out. `where` names the provider whose price it is, if one's it is."""

    input: float
    output: float
    basis: Literal["own", "same", "median"]
    where: str = ""

    def of(self, input_tokens: int, output_tokens: int) -> float:
        return (input_tokens * self.input + output_tokens * self.output) / 1e6


class Saving(NamedTuple):
    """What the answers of a model would have cost, and what was paid. `price`: None where nobody has one."""

    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    paid: float
    price: Price | None

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def worth(self) -> float:
        return self.price.of(self.input_tokens, self.output_tokens) if self.price else 0.0


class Savings(NamedTuple):
    """`bought` are providers whose answers were left out, because they are paid for."""

    rows: tuple[Saving, ...]
    bought: tuple[str, ...]

    @property
    def worth(self) -> float:
        return sum(row.worth for row in self.rows)

    @property
    def paid(self) -> float:
        return sum(row.paid for row in self.rows)


def savings_of(had: Iterable[Had], providers: Sequence[Provider]) -> Savings:
    """One row a model, the dearest first. Prices are those of all `providers`."""
    prices, known = PriceList(providers), {each.name: each for each in providers}
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0, 0.0])
    for one in had:
        amounts = (one.answer_input, one.answer_output, one.usd)
        key = one.provider, one.model
        sums[key] = [before + more for before, more in zip(sums[key], amounts, strict=True)]
    rows = [
        Saving(*key, round(into), round(out), usd, prices.of(*key)) for key, (into, out, usd) in sums.items()
    ]
    had_some = [row for row in rows if row.tokens or row.paid]
    told = [row for row in had_some if row.paid or is_free(known.get(row.provider), row.model)]
    bought = {row.provider for row in had_some if row not in told}
    return Savings(tuple(sorted(told, key=lambda row: -row.worth)), tuple(sorted(bought)))


def gives(provider: Provider) -> bool:
    """Is there anything to be had from it for nothing?"""
    return is_free(provider, "") or any(is_free(provider, model.name) for model in provider.models)


def is_free(provider: Provider | None, name: str) -> bool:
    """Does it give that model away, as far as is known? Of one that is not configured nothing is known."""
    if provider is None:
        return False
    if provider.local or any(_lasting(limit.per) for limit in provider.limits):
        return True
    model = next((model for model in provider.models if model.name == name), None)
    if model is None:
        return False
    if model.price is None and any(each.price == (0, 0) for each in provider.models):
        return True  # where the others cost nothing, a model without a price does so, too
    return model.price == (0, 0) or any(_lasting(limit.per) for limit in model.limits)


def _lasting(per: str) -> bool:
    """A limit for a minute keeps callers apart, whether they pay or not; one for a day is an allowance."""
    kind, _, length = per.partition(" ")
    if kind == "rolling":
        return (seconds(length) or 0.0) >= DAY
    return kind == "once" or LENGTHS[kind] >= DAY


class PriceList:
    """The list prices of the catalogue."""

    __slots__ = ("_median", "_own", "_same")

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._own: Mapping[tuple[str, str], tuple[float, float]] = {
            (each.name, model.name): model.price
            for each in providers
            for model in each.models
            if model.price is not None and max(model.price) > 0
        }
        self._same: dict[str, Price] = {}
        for (provider, model), price in sorted(self._own.items(), key=lambda item: sum(item[1])):
            self._same.setdefault(plain_name(model), Price(*price, "same", provider))
        self._median: Price | None = None
        if self._own:
            into, out = (_median(column) for column in zip(*self._own.values(), strict=True))
            self._median = Price(into, out, "median")

    def of(self, provider: str, model: str) -> Price | None:
        own = self._own.get((provider, model))
        if own is not None:
            return Price(*own, "own", provider)
        return self._same.get(plain_name(model), self._median)


def _median(values: Iterable[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return (ordered[middle] + ordered[-middle - 1]) / 2


def plain_name(model: str) -> str:
    """A model's name without who made it, who serves it, and in which variant."""
    name = model.lower().rpartition("/")[2]
    for variant in _VARIANTS:
        name = name.removesuffix(variant)
    return name.removeprefix(_MAKER).replace(":", "-")
