"""The tables on the page of a bench, as HTML: figures, failures, requests."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from racer.bench.page_words import NOTHING, bare, bounds, counted, percent, rate, seconds
from racer.pages.document import escaped, named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Figures = Mapping[str, Any]

LONG = 14  # rows, from which on a table that few look for is folded
LONGEST_REASON = 160


def table(label: str, heads: Sequence[str], *groups: Iterable[str]) -> str:
    """In a box of its own that scrolls, which can be reached and moved by keyboard."""
    head = "".join(f'<th scope="col"{_words(name)}>{escaped(name)}</th>' for name in heads)
    bodies = "\n".join(f"<tbody>\n{chr(10).join(rows)}\n</tbody>" for rows in groups)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escaped(label)}">\n<table>\n'
        f'<caption class="unseen">{escaped(label)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n{bodies}\n</table>\n</div>"
    )


def _words(head: str) -> str:
    return ' class="words"' if head in WORDY else ""


WORDY = {"how", "said"}


def figures_table(rows: Sequence[Figures]) -> str:
    """One row a contender: what the terminal's table has, with all bounds."""
    heads = (
        "contender", "p50", "p95", "p99", "first token, p50", "tokens a second", "failed", "won",
        "requests an answer", "answered",
    )  # fmt: skip
    groups = [[row for row in rows if row["kind"] == kind] for kind in ("lane", "policy")]
    return table(
        "Figures of each lane and policy", heads, *(map(figures_row, each) for each in groups if each)
    )


def figures_row(row: Figures) -> str:
    requests = row["requests_per_answer"]
    cells = (
        *(estimate_cell(row["latency"].get(share), seconds) for share in ("p50", "p95", "p99")),
        estimate_cell(row["first_token"].get("p50"), seconds),
        estimate_cell(row["tokens_per_second"], rate, rate),
        f"<td>{percent(row['error_rate'])}</td>",
        f"<td>{percent(row['win_rate'])}</td>",
        f"<td>{NOTHING if requests is None else f'{requests:.2f}'}</td>",
        f"<td>{row['answered']:,} of {row['asked']:,}{_kept_out(row)}</td>",
    )
    return (
        f'<tr class="{escaped(row["kind"])}"><th scope="row">{named(row["name"])}</th>{"".join(cells)}</tr>'
    )


def _kept_out(row: Figures) -> str:
    return f"<small>{row['kept_out']:,} not sent</small>" if row["kept_out"] else ""


def estimate_cell(
    estimate: Figures | None, form: Callable[[float], str], small: Callable[[float], str] = bare
) -> str:
    if estimate is None:
        return f"<td>{NOTHING}</td>"
    return f"<td>{form(estimate['value'])}<small>{bounds(estimate, small)}</small></td>"


def failures_part(rows: Sequence[Figures], samples: Iterable[Figures]) -> str:
    """A row for each contender that failed; empty where none did."""
    failed = [row for row in rows if row["failures"]]
    if not failed:
        return ""
    said = reasons(samples)
    lines = [
        f'<tr class="{escaped(row["kind"])}"><th scope="row">{named(row["name"])}</th>'
        f"<td>{sum(row['failures'].values()):,} of {row['asked'] - row['kept_out']:,}</td>"
        f'<td class="words">{escaped(_classes(row["failures"]))}</td>'
        f'<td class="words">{_most_said(said.get((row["kind"], row["name"])))}</td></tr>'
        for row in failed
    ]
    return "<h3>What failed</h3>\n" + folded(
        counted(len(failed), "contender"),
        len(lines),
        table("Failures of each lane and policy", ("contender", "failed", "how", "said"), lines),
    )


def _classes(failures: Mapping[str, int]) -> str:
    ranked = sorted(failures.items(), key=lambda item: -item[1])
    return ", ".join(f"{count:,} {name}" for name, count in ranked)


def reasons(samples: Iterable[Figures]) -> dict[tuple[str, str], Counter[str]]:
    """What was told of failures, by contender."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for sample in samples:
        if sample["reason"] and sample["outcome"] != "answered":
            said = found.setdefault((sample["kind"], sample["contender"]), Counter())
            said[sample["reason"][:LONGEST_REASON]] += 1
    return found


def _most_said(said: Counter[str] | None) -> str:
    return named(said.most_common(1)[0][0]) if said else NOTHING


def spending_part(announced: Figures, sent: Figures) -> str:
    """What was announced before anything was sent, beside what was sent."""
    names = [(kind, name) for kind in ("lanes", "policies") for name in {**announced[kind], **sent[kind]}]
    lines = [
        spending_row(named(name), kind, announced[kind].get(name, 0), sent[kind].get(name, 0))
        for kind, name in names
    ]
    total = spending_row("All together", "", announced["total"], sent["total"])
    heads = ("contender", "announced", "sent")
    same = announced["total"] == sent["total"]
    words = "exactly what was announced" if same else f"{announced['total']:,} were announced"
    figures = table("Requests", heads, lines, [total]).replace('"scroll"', '"scroll fit"', 1)
    return f"<p>{counted(sent['total'], 'request')} went out, {words}.</p>\n" + folded(
        counted(len(lines), "contender"), len(lines), figures
    )


def spending_row(head: str, kind: str, announced: int, sent: int) -> str:
    differs = ' class="differs"' if announced != sent else ""
    of = ' class="policy"' if kind == "policies" else ""
    return f'<tr{of}><th scope="row">{head}</th><td>{announced:,}</td><td{differs}>{sent:,}</td></tr>'


def folded(summary: str, count: int, inner: str) -> str:
    """`inner`, behind a line to open it by where it is long."""
    return inner if count <= LONG else f"<details><summary>{summary}</summary>\n{inner}\n</details>"
