"""A statement: all that `racer usage` has to say, before it is put on paper or into a file. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from racer.accounts.gauge import Gauge
    from racer.accounts.outlook import Outlook
    from racer.core.savings import Saving, Savings
    from racer.store.readings import Alarm, Day, Taxed

UNFORESEEN = "unforeseen"


class Total(NamedTuple):
    """What an account has done since the day that was asked for."""

    account: str
    calls: int = 0
    won: int = 0
    lost: int = 0
    failed: int = 0
    tokens: int = 0
    usd: float = 0.0


class RaceTax(NamedTuple):
    """What lanes cost that ran beside those that were needed (racer.core.tax), and the seconds they saved.

    Of one policy, or of all. `sent` are metered requests in all; the last four are of the extra ones.
    """

    policy: str = ""
    answers: int = 0
    sent: int = 0
    requests: int = 0
    tokens: int = 0
    usd: float = 0.0
    saved: float = 0.0

    @property
    def share(self) -> float | None:
        """Of all requests; None where none was sent."""
        return self.requests / self.sent if self.sent else None

    @property
    def per_answer(self) -> float | None:
        """Extra requests; None where nothing was answered."""
        return self.requests / self.answers if self.answers else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "answers": self.answers,
            "sent": self.sent,
            "extra_requests": self.requests,
            "share": self.share,
            "per_answer": self.per_answer,
            "extra_tokens": self.tokens,
            "extra_usd": self.usd,
            "saved": self.saved,
        }


class Statement(NamedTuple):
    """`now` and `since` in unix seconds. `database` is empty where nothing was ever stored.

    `outlook` and `savings` are None where nobody has asked; `priced` says when list prices were read.
    `taxes` has a row for each policy that has raced.
    """

    now: float
    since: float
    database: str
    gauges: tuple[Gauge, ...]
    totals: tuple[Total, ...]
    alarms: tuple[Alarm, ...]
    outlook: Outlook | None = None
    savings: Savings | None = None
    priced: str = ""
    taxes: tuple[RaceTax, ...] = ()

    @property
    def unforeseen(self) -> tuple[Alarm, ...]:
        """Refusals of calls that we thought had room."""
        return tuple(alarm for alarm in self.alarms if alarm.kind == UNFORESEEN)

    @property
    def reached(self) -> tuple[Alarm, ...]:
        return tuple(alarm for alarm in self.alarms if alarm.kind != UNFORESEEN)

    @property
    def tax(self) -> RaceTax:
        """Of all policies together."""
        columns = zip(*(each[1:] for each in self.taxes), strict=True)
        return RaceTax("", *map(sum, columns))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `--json` prints them: instants in unix seconds."""
        return {
            "at": self.now,
            "since": self.since,
            "database": self.database or None,
            "limits": [gauge.to_dict() for gauge in self.gauges],
            "totals": [total._asdict() for total in self.totals],
            "tax": {**self.tax.to_dict(), "by_policy": [_tax(each) for each in self.taxes]},
            "unforeseen": [_alarm(alarm) for alarm in self.unforeseen],
            "alerts": [_alarm(alarm) for alarm in self.reached],
            "forecast": self.outlook and self.outlook.to_dict(self.now),
            "saved": self.savings and _saved(self.savings, self.priced),
        }


def totals_of(days: Iterable[Day]) -> tuple[Total, ...]:
    """One row an account, in the order of their names. A late reply is a lost one, as in other tables."""
    totals: dict[str, Total] = {}
    for row in days:
        before = totals.get(row.account, Total(row.account))
        totals[row.account] = Total(
            row.account,
            before.calls + row.calls,
            before.won + row.won,
            before.lost + row.lost + row.late,
            before.failed + row.failed,
            before.tokens + row.input_tokens + row.output_tokens,
            before.usd + row.usd,
        )
    return tuple(totals[name] for name in sorted(totals))


def taxes_of(rows: Iterable[Taxed]) -> tuple[RaceTax, ...]:
    """One row a policy, in the order of their names."""
    taxes = (
        RaceTax(row.policy, row.answers, row.sent, row.requests, row.tokens, row.usd, row.saved)
        for row in rows
        if row.races
    )
    return tuple(sorted(taxes))


def _tax(tax: RaceTax) -> dict[str, Any]:
    return {"policy": tax.policy, **tax.to_dict()}


def _alarm(alarm: Alarm) -> dict[str, Any]:
    named: dict[str, Any] = alarm._asdict()
    return {"window": named.pop("per"), **named, "model": alarm.model or None}


def _saved(savings: Savings, priced: str) -> dict[str, Any]:
    return {
        "usd": savings.worth - savings.paid,
        "worth_usd": savings.worth,
        "paid_usd": savings.paid,
        "prices_of": priced,
        "models": [_saving(row) for row in savings.rows],
        "not_counted": list(savings.bought),
    }


def _saving(row: Saving) -> dict[str, Any]:
    price = row.price
    return {
        "provider": row.provider,
        "model": row.model,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "worth_usd": row.worth,
        "paid_usd": row.paid,
        "price": price and [price.input, price.output],
        "price_basis": price and price.basis,
        "price_of": (price.where or None) if price else None,
    }
