"""The tables in docs/providers.md: what the built-in catalogue says of each provider.

`python scripts/provider_tables.py` writes them anew; a test fails while they are out of date.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from racer.cli.allowance import in_words, one
from racer.config import compose
from racer.config.files import catalogue
from racer.config.forms import references

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from racer.core.provider import Limit, Model, Provider

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "providers.md"
BEGIN, END = "<!-- {}: begin; scripts/provider_tables.py writes it -->\n", "<!-- {}: end -->"
TRAINS = {True: "yes", False: "no", None: "not said"}
PRESET = "generous"


def drawn() -> dict[str, str]:
    """Each table by its name on the page."""
    providers = told({})
    alive = [each for each in providers if each.status == "alive"]
    retired = [each for each in providers if each.status == "retired"]
    generous = {each.name: in_words(each.limits) for each in told(chosen())}
    of_lists = [
        (each.name, allowed(each), generous[each.name]) for each in providers if each.name in chosen()
    ]
    others = [(each.name, allowed(each), "") for each in alive if each.name not in chosen() and allowed(each)]
    return {
        "providers": table(
            "name", "dialect", "variables", "priority", "trains", "note", rows=map(about, alive)
        ),
        "retired": table("name", "variables", "note", rows=map(epitaph, retired)),
        "limits": table("name", "as verified", f'`preset = "{PRESET}"`', rows=[*of_lists, *others]),
        "sources": table(
            "limit", "read in", "on", "confidence", rows=[row for each in alive for row in read(each)]
        ),
        "models": table(
            "model",
            "tags",
            "can",
            "context",
            "USD for a million tokens, in and out",
            rows=[offer(each, model) for each in alive for model in each.models],
        ),
    }


def told(changes: Mapping[str, Mapping[str, str]]) -> Sequence[Provider]:
    """The catalogue with these changes, in an empty environment."""
    return compose({"providers": changes}, catalogue(), {}).providers


def chosen() -> dict[str, dict[str, str]]:
    """The preset, for each provider that has it."""
    return {name: {"preset": PRESET} for name, row in catalogue().items() if PRESET in row.get("presets", {})}


def about(provider: Provider) -> Sequence[str]:
    trains = TRAINS[provider.trains_on_data]
    return (
        provider.name, provider.dialect, variables(provider), str(provider.priority), trains, provider.note
    )  # fmt: skip


def epitaph(provider: Provider) -> Sequence[str]:
    return provider.name, variables(provider), provider.note


def variables(provider: Provider) -> str:
    """Of those for keys one is enough; those of its address and its models are all needed."""
    row = catalogue()[provider.name]
    keys = " or ".join(f"`{name}`" for name in row["key_names"])
    texts = (provider.base_url, *(model.name for model in provider.models))
    needed = " and ".join(f"`{name}`" for text in texts for name in references(text))
    if row.get("keyless"):
        return f"{needed}; {keys} if it asks for a key"
    return " and ".join(filter(None, [keys, needed])) or "none"


def allowed(provider: Provider) -> str:
    own = [f"{model.name}: {', '.join(map(one, model.limits))}" for model in provider.models if model.limits]
    return "; ".join([*([in_words(provider.limits)] if provider.limits else []), *own])


def read(provider: Provider) -> Iterator[Sequence[str]]:
    """Where each limit was read, the models' own among them."""
    yield from (source(provider.name, limit) for limit in provider.limits)
    for model in provider.models:
        yield from (source(f"{provider.name}/{model.name}", limit) for limit in model.limits)


def source(name: str, limit: Limit) -> Sequence[str]:
    return f"{name}: {one(limit)}", limit.source or "", limit.seen or "", limit.confidence or ""


def offer(provider: Provider, model: Model) -> Sequence[str]:
    price = "" if model.price is None else " / ".join(f"{usd:g}" for usd in model.price)
    return (
        f"`{provider.name}/{model.name}`",
        ", ".join(sorted(model.tags)),
        ", ".join(sorted(model.can)),
        f"{model.context:,}" if model.context else "",
        price,
    )


def table(*names: str, rows: Iterable[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def page_with(tables: Mapping[str, str]) -> str:
    """docs/providers.md with these tables in their places. Raises ValueError where a place is missing."""
    text = PAGE.read_text()
    for name, drawn_table in tables.items():
        begin, end = BEGIN.format(name), END.format(name)
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        if not (found and ended):
            raise ValueError(f"{PAGE.name} has no place for the table {name}")
        text = f"{before}{begin}\n{drawn_table}\n\n{end}{after}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page_with(drawn()))
