"""The page of a bench: its document as one HTML file, with plots, that asks nothing of the network."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING, Any

from racer.bench import page_tables as tables
from racer.bench import page_words as words
from racer.bench.drawn import drawn, raced
from racer.bench.page_cards import cards
from racer.bench.page_hindsight import hindsight_drawn, hindsight_parts, keys
from racer.pages import assets
from racer.pages.document import document as in_one_file
from racer.pages.document import escaped, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Figures = Mapping[str, Any]

DRAWING = ("contenders", "latency", "hours", "tracks", "choice", "cost")
PAGES = ("report", "replay")
FILES = (
    *(f"{name}.js" for name in (*DRAWING, *PAGES)),
    *(f"{name}.html" for name in (*PAGES, "keys")),
    "report.css",
)
WARMED_UP = "A call to each lane before the first round warmed it up, and counts for nothing."
FEW = 4  # comparisons of either outcome that are not folded


def page(document: Mapping[str, Any]) -> str:
    """`document` is what report.json holds, or the document of a replay."""
    if "racer_replay" in document:
        return _filled("replay", hindsight_parts(document), hindsight_drawn(document))
    data = drawn(document)
    return _filled("report", _parts(document, data), data)


def _filled(kind: str, parts: Mapping[str, str], data: Figures) -> str:
    """web/`kind`.html with its places filled, and its script behind those that draw."""
    body = Template(assets.text("racer.bench", f"web/{kind}.html")).substitute(parts)
    styles = (assets.style(), assets.text("racer.bench", "web/report.css"))
    ours = (assets.text("racer.bench", f"web/{name}.js") for name in (*DRAWING, kind))
    scripts = (*assets.libraries(), *ours)
    return in_one_file(f"racer: {parts['headline']}", body, data, styles=styles, scripts=scripts)


def _parts(document: Figures, data: Figures) -> dict[str, str]:
    """The places of web/report.html."""
    return {
        "headline": f"Bench of {_contenders(document['rows'])}",
        "lead": _lead(document),
        "banner": _banner(document),
        "cards": cards(document),
        "keys": keys("a lane, asked alone", "a policy, racing the lanes"),
        "thinned": _thinned(document, data),
        "confidence": words.percent(document["confidence"]),
        "table": tables.figures_table(document["rows"]),
        "failures": tables.failures_part(document["rows"], document["samples"]),
        "comparisons": _comparisons(document["comparisons"], document["rows"]),
        "races": _races(document, data),
        "spending": tables.spending_part(document["announced"], document["sent"]),
        "notes": _listed("Notes", map(escaped, document["notes"])),
        "width": words.counted(document["width"], "lane"),
        "warm_up": WARMED_UP if document["warm_up"] else "",
        "limits": _limits(document["rows"]),
        "facts": _facts(document),
    }


def _contenders(rows: Sequence[Figures]) -> str:
    lanes = sum(row["kind"] == "lane" for row in rows)
    policies = len(rows) - lanes
    told = words.counted(lanes, "lane")
    return f"{told} and {words.counted(policies, 'policy', 'policies')}" if policies else told


def _lead(document: Figures) -> str:
    rounds = words.counted(document["rounds_done"], "round")
    prompts = words.counted(document["prompts"], "prompt")
    lasted = words.lasting(document["ended"] - document["began"])
    return f"{rounds} over {prompts} in {lasted}, from {words.moment(document['began'])} on."


def _banner(document: Figures) -> str:
    if document["complete"]:
        return ""
    return (
        f'<div class="banner" role="note"><p><strong>Partial: {escaped(document["stopped"])}.</strong> '
        f"{document['rounds_done']:,} of {words.counted(document['rounds'], 'round')} were finished; "
        "the figures are of what was seen until then.</p></div>"
    )


def _thinned(document: Figures, data: Figures) -> str:
    """Said where not every answer has its dot."""
    answers = sum(row["answered"] for row in document["rows"])
    shown = len(data["answers"])
    if shown >= answers:
        return ""
    return (
        f" Of {answers:,} answers {shown:,} are drawn, from the fastest to the slowest; figures are of all."
    )


def _races(document: Figures, data: Figures) -> str:
    count = len(raced(document["samples"]))
    shown = len(data["races"])
    return f" Of {count:,} races {shown:,} are here; report.json has all." if shown < count else ""


def _comparisons(found: Sequence[Figures], rows: Sequence[Figures]) -> str:
    """Whether racing is worth it comes first, then how lanes compare."""
    if not found:
        return "<p>There are no two that answered in the same rounds.</p>"
    policies = {row["name"] for row in rows if row["kind"] == "policy"}
    ranked = sorted(found, key=lambda each: each["a"] not in policies)
    apart = [each for each in ranked if each["told_apart"]]
    alike = [each for each in ranked if not each["told_apart"]]
    intro = f"<p>{len(apart)} of {words.counted(len(found), 'comparison')} told two apart.</p>"
    return "\n".join((intro, _verdicts(apart, "told apart"), _verdicts(alike, "that chance may explain")))


def _verdicts(found: Sequence[Figures], what: str) -> str:
    """The first few stand open."""
    items = [_verdict(each) for each in found]
    first, rest = items[:FEW], items[FEW:]
    more = f"<details><summary>{len(rest)} more {what}</summary>\n{_list(rest)}\n</details>" if rest else ""
    return (_list(first) if first else "") + more


def _verdict(comparison: Figures) -> str:
    look = "apart" if comparison["told_apart"] else "alike"
    return f'<li class="{look}">{words.verdict(comparison)}</li>'


def _list(items: Sequence[str]) -> str:
    return "\n".join(['<ul class="verdicts">', *items, "</ul>"])


def _limits(rows: Sequence[Figures]) -> str:
    """What the headers of lanes told of their limits."""
    told = [f"{named(row['name'])}: {escaped('; '.join(row['limits']))}" for row in rows if row["limits"]]
    return _listed("Limits that were told in headers", told)


def _listed(head: str, items: Iterable[str]) -> str:
    lines = "".join(f"<li>{item}</li>" for item in items)
    return f"<h3>{head}</h3>\n<ul>{lines}</ul>" if lines else ""


def _facts(document: Figures) -> str:
    facts = {
        "began": words.moment(document["began"]),
        "ended": words.moment(document["ended"]),
        "seed": escaped(document["seed"]),
        **{escaped(name): escaped(value) for name, value in document["machine"].items()},
    }
    inner = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items())
    return f'<dl class="facts">{inner}</dl>'
