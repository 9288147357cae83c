"""Cards of providers on paper: a row each, or everything there is to say of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from racer.accounts.card import Card, State
from racer.cli import allowance, headroom_words
from racer.cli.card_words import key_words, unset_words
from racer.cli.tables import NARROW
from racer.core.printable import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from racer.core.provider import Limit, Model

COUNTED = "Left: of the tightest limit for an hour or longer; `racer usage` tells all of them."
NOT_COUNTED = "Nothing was counted yet, so all is left: of the tightest limit for an hour or longer."
UNREAD = "The database cannot be read, so limits are shown as if nothing was used."
NOBODY = "No provider is ready: put a key into .env (`racer init` says which), or start Ollama."
STYLES = {State.READY: "green", State.BROKEN: "red"}


def cards_page(cards: Sequence[Card], *, width: int, everybody: bool, note: str) -> Group:
    """The ready ones in a table, the others by why they are not; or a row for everybody. `note` ends it."""
    if everybody:
        return Group(cards_table(cards, width=width, last="left today, or why not"), "", Text(note))
    ready = [card for card in cards if card.state is State.READY]
    others = Text("\n".join(_others(cards)), overflow="fold")
    if not ready:
        return Group(Text(f"{NOBODY}\n"), others)
    return Group(cards_table(ready, width=width), "", others, *([""] if others else []), Text(note))


def _others(cards: Sequence[Card]) -> list[str]:
    """Retired ones are nobody's fault, so they are left out."""
    told = (State.BROKEN, State.AWAY, State.OFF)
    lines = [f"{card.provider.name}: {one_line(card.why)}" for card in cards if card.state in told]
    unset = [(card.provider.name, card.missing) for card in cards if card.state is State.UNSET]
    return [*lines, f"not set up: {unset_words(unset)}"] if unset else lines


def details_page(cards: Sequence[Card], *, note: str) -> Group:
    return Group(*(details(card) for card in cards), Text(note))


def cards_table(cards: Iterable[Card], *, width: int, last: str = "left today") -> Table:
    """One row a provider; `last` is the head of what is left, or of why it has no lane."""
    roomy = width >= NARROW
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("provider", no_wrap=roomy, overflow="fold")
    table.add_column("keys", overflow="fold", max_width=18)
    if roomy:
        table.add_column("models", justify="right")
        table.add_column("priority", justify="right")
    table.add_column(last, overflow="fold")
    for card in cards:
        table.add_row(*_cells(card, roomy=roomy))
    return table


def _cells(card: Card, *, roomy: bool) -> list[Text]:
    name = Text(card.provider.name, STYLES.get(card.state, ""))
    said = Text(said_of(card), "" if card.state is State.READY else "dim")
    if not roomy:
        return [name, Text(str(len(card.keys)) if card.keys else "-"), said]
    count = str(len(card.models)) if card.models else "-"
    return [name, Text(key_words(card)), Text(count), Text(str(card.provider.priority)), said]


def said_of(card: Card) -> str:
    """What is left of its limits, or why it has no lane."""
    match card.state:
        case State.READY:
            return headroom_words.in_words(card.left)
        case State.UNSET:
            return f"set {' and '.join(card.missing)}"
        case State.AWAY | State.BROKEN | State.OFF | State.RETIRED:
            return one_line(card.why)
        case _:
            assert_never(card.state)


def details(card: Card) -> Group:
    """Everything: a line for each limit and each model."""
    provider = card.provider
    revived = provider.status == "retired" and card.state is not State.RETIRED
    facts = [
        ("status", f"retired: {provider.note}" if revived else ""),
        ("reason", one_line(card.why)),
        ("keys", _keys(card)),
        ("to set", " and ".join(card.missing)),
        ("priority", str(provider.priority)),
        *_listed("models", [line for model in card.models for line in _model(model)]),
        *_listed("limits", [_limit(limit) for limit in provider.limits] or [allowance.UNKNOWN]),
        *_listed("left", headroom_words.in_words(card.left).split("\n") if card.left else []),
        ("private", _private(card)),
        ("console", provider.console),
        ("note", "" if provider.status == "retired" else provider.note),
    ]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in facts:
        if text:
            table.add_row(Text(label, "dim"), Text(text))
    head = Text.assemble((provider.name, "bold"), "  ", (str(card.state), STYLES.get(card.state, "")))
    return Group(head, _indented(table), "")


def _indented(content: RenderableType) -> Padding:
    return Padding(content, (0, 0, 0, 2), expand=False)


def _listed(label: str, lines: Sequence[str]) -> list[tuple[str, str]]:
    """The label stands before the first line alone."""
    return [(label if number == 0 else "", line) for number, line in enumerate(lines)]


def _keys(card: Card) -> str:
    if not card.keys:
        return key_words(card)
    return ", ".join(
        f"{account.name} {account.key.hint}" + (f" (pool {account.pool})" if account.pool else "")
        for account in card.keys
        if account.key is not None
    )


def _model(model: Model) -> list[str]:
    """With its own limits on lines of their own."""
    marks = [*(["loaded"] if model.loaded else []), *sorted(model.tags)]
    can = f"; can {', '.join(sorted(model.can))}" if model.can else ""
    return [
        f"{one_line(model.name)}  {', '.join(marks)}{can}",
        *(f"  {_limit(each, own=True)}" for each in model.limits),
    ]


def _limit(limit: Limit, *, own: bool = False) -> str:
    """`own`: it stands below its model, so its scope need not be said."""
    read = ", ".join(each for each in (limit.source, limit.seen) if each)
    words = allowance.one(limit) if own else allowance.in_words([limit])
    return words + (f" ({read})" if read else "")


def _private(card: Card) -> str:
    if card.provider.local:
        return "yes: local"
    match card.provider.trains_on_data:
        case True:
            return "no: trains on what it is sent"
        case False:
            return "yes: does not train on what it is sent"
        case None:
            return "no: nobody knows whether it trains on what it is sent"
