"""What a bench has found at a glance, as cards on its page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer.bench.page_words import bounds, seconds, share_of
from racer.pages.document import named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Figures = Mapping[str, Any]

FAILS_TOO_OFTEN = 0.5


def cards(document: Figures) -> str:
    """The best lane and the best policy, and what policies cost; nothing where nobody answered."""
    lanes = answering(document["rows"], "lane")
    policies = answering(document["rows"], "policy")
    comparisons = document["comparisons"]
    shown = [
        *(_lane_card(lanes, share, comparisons) for share in ("p50", "p95") if lanes),
        *([_race_card(policies, lanes, comparisons)] if policies else []),
        *([_cost_card(policies)] if policies else []),
    ]
    if not shown:
        return ""
    inner = "\n".join(shown)
    return f'<section aria-label="In short">\n<div class="cards">\n{inner}\n</div>\n</section>'


def answering(rows: Sequence[Figures], kind: str) -> list[Figures]:
    """Those with latencies; lanes that fail more often than not only where there is no better one."""
    found = [row for row in rows if row["kind"] == kind and row["latency"]]
    return [row for row in found if (row["error_rate"] or 0) <= FAILS_TOO_OFTEN] or found


def fastest(rows: Sequence[Figures], share: str) -> Figures:
    return min(rows, key=lambda row: row["latency"][share]["value"])


def _lane_card(lanes: Sequence[Figures], share: str, comparisons: Sequence[Figures]) -> str:
    best = fastest(lanes, share)
    others = [lane for lane in lanes if lane is not best]
    note = ""
    if others:
        follower = fastest(others, share)
        note = f"Next: {named(follower['name'])}, {seconds(follower['latency'][share]['value'])}"
        note += _told(best, follower, share, comparisons) + "."
    head = "Fastest lane, by its median" if share == "p50" else "Steadiest lane, by its p95"
    return _estimate_card(head, best, share, note)


def _race_card(policies: Sequence[Figures], lanes: Sequence[Figures], comparisons: Sequence[Figures]) -> str:
    best = fastest(policies, "p95")
    note = ""
    if lanes:
        lane = fastest(lanes, "p50")
        took = seconds(lane["latency"]["p95"]["value"])
        note = f"{named(lane['name'])}, the lane with the best median: {took}"
        note += _told(best, lane, "p95", comparisons) + "."
    return _estimate_card("Fastest race, by its p95", best, "p95", note)


def _told(one: Figures, other: Figures, share: str, comparisons: Sequence[Figures]) -> str:
    """What their comparison says, where there is one."""
    pair = {one["name"], other["name"]}
    for each in comparisons:
        if each["share"] == share and {each["a"], each["b"]} == pair:
            return f"; by their {share_of(each)} " + (
                "the two are told apart" if each["told_apart"] else "the two cannot be told apart"
            )
    return ""


def _estimate_card(head: str, row: Figures, share: str, note: str) -> str:
    estimate = row["latency"][share]
    return _card(
        head,
        f'<p class="figure">{seconds(estimate["value"])}</p>\n'
        f'<p class="who {row["kind"]}-name">{named(row["name"])}</p>\n'
        f'<p class="note">True value: {bounds(estimate, seconds)}.</p>\n<p class="note">{note}</p>',
    )


def _cost_card(policies: Sequence[Figures]) -> str:
    lines = "\n".join(
        f"<dt>{named(row['name'])}</dt><dd>{row['requests_per_answer']:.2f}</dd>" for row in policies
    )
    note = '<p class="note">Stopped lanes count: they were sent.</p>'
    return _card("What racing costs, in requests an answer", f"<dl>\n{lines}\n</dl>\n{note}")


def _card(head: str, inner: str) -> str:
    return f'<div class="card">\n<h3>{head}</h3>\n{inner}\n</div>'
