"""What the page of a replay says: what was beside what each policy would have given, as HTML."""

from __future__ import annotations

import re
from string import Template
from typing import TYPE_CHECKING, Any

from racer.bench import page_words as words
from racer.bench.page_tables import estimate_cell, folded, table
from racer.pages import assets
from racer.pages.document import escaped, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Figures = Mapping[str, Any]

RECORDED = "recorded"
_QUOTED = re.compile(r"`([^`]+)`")


def hindsight_parts(document: Figures) -> dict[str, str]:
    """The places of web/replay.html."""
    races = words.counted(document["races"], "race")
    return {
        "headline": f"{races}, run again",
        "lead": f"Raced from {words.moment(document['since'])} to {words.moment(document['until'])}.",
        "sentences": _listed(document["sentences"]),
        "keys": keys("as it was", "a policy, replayed"),
        "confidence": words.percent(document["confidence"]),
        "table": _figures(document["rows"]),
        "comparisons": _told_apart(document["comparisons"]),
        "lanes": _lanes(document["lanes"]),
        "left_out": _left_out(document),
        "method": "".join(f"<p>{escaped(each)}</p>" for each in document["method"]),
        "limits": "<ul>{}</ul>".format("".join(f"<li>{escaped(each)}</li>" for each in document["limits"])),
        "began": words.moment(document["began"]),
        "seed": escaped(document["seed"]),
    }


def keys(lane: str, policy: str) -> str:
    """What the marks of the plots are, in a line: `lane` is told of the blue ones."""
    return Template(assets.text("racer.bench", "web/keys.html")).substitute(lane=lane, policy=policy)


def hindsight_drawn(document: Figures) -> dict[str, Any]:
    """What the plots draw. What was is drawn as a lane would be."""
    return {
        "rows": [
            {
                "id": number,
                "kind": "lane" if row["kind"] == RECORDED else "policy",
                "name": row["name"],
                "asked": row["races"],
                "answered": row["answered"],
                "error_rate": row["failed"] / row["races"] if row["races"] else 0,
                "latency": row["latency"],
                "requests_per_answer": row["requests_per_answer"],
            }
            for number, row in enumerate(document["rows"])
        ]
    }


def _listed(sentences: Iterable[str]) -> str:
    """Names stand in backticks there."""
    items = ("<li>" + _QUOTED.sub(r"<strong>\1</strong>", escaped(each)) + "</li>" for each in sentences)
    return "\n".join(['<ul class="verdicts">', *items, "</ul>"])


def _figures(rows: Sequence[Figures]) -> str:
    heads = ("races", "p50", "p95", "p99", "answered", "requests", "requests an answer", "drawn by chance")
    groups = [[row for row in rows if (row["kind"] == RECORDED) is recorded] for recorded in (True, False)]
    return table("Figures of each policy", heads, *(map(_row, each) for each in groups if each))


def _row(row: Figures) -> str:
    asked = row["requests_per_answer"]
    cells = (
        *(estimate_cell(row["latency"].get(share), words.seconds) for share in ("p50", "p95", "p99")),
        f"<td>{row['answered']:,} of {row['races']:,}</td>",
        f"<td>{row['requests']:,}</td>",
        f"<td>{words.NOTHING if asked is None else f'{asked:.2f}'}</td>",
        f"<td>{words.percent(row['drawn'] / row['answered'] if row['answered'] else None)}</td>",
    )
    return (
        f'<tr class="{escaped(row["kind"])}"><th scope="row">{named(row["name"])}</th>{"".join(cells)}</tr>'
    )


def _told_apart(comparisons: Iterable[Figures]) -> str:
    items = "".join(f"<li>{words.verdict(each)}</li>" for each in comparisons)
    return f"<h3>What can be told apart</h3>\n<ul>{items}</ul>" if items else ""


def _lanes(lanes: Sequence[Figures]) -> str:
    heads = ("lane", "attempts", "answered", "failed", "stopped", "configured")
    rows = [
        f'<tr><th scope="row">{named(lane["lane"])}</th>'
        + "".join(f"<td>{lane[name]:,}</td>" for name in heads[1:-1])
        + f"<td>{'yes' if lane['configured'] else 'no more'}</td></tr>"
        for lane in lanes
    ]
    figures = table("What was seen of each lane", heads, rows)
    return folded(words.counted(len(rows), "lane"), len(rows), figures)


def _left_out(document: Figures) -> str:
    """Lanes and races that are not replayed, and why."""
    lanes = [f"{named(each['lane'])}: {escaped(each['reason'])}" for each in document["left_out"]]
    races = [
        f"{words.counted(count, 'race')}: {escaped(why)}" for why, count in document["passed_over"].items()
    ]
    items = "".join(f"<li>{each}</li>" for each in (*lanes, *races))
    return f"<h3>Left out</h3>\n<ul>{items}</ul>" if items else ""
