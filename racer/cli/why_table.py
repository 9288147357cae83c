"""The timeline of a race on paper: bars on a terminal, a row a lane, and why the others did not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from racer.accounts.timeline import Fate
from racer.cli import bars, usage_words, why_words
from racer.cli.console import Prose
from racer.cli.tables import NARROW, NOTHING, seconds
from racer.cli.track import Bar, Stage
from racer.core.defeat import left_out
from racer.core.field import Skipped
from racer.core.heat import Ending
from racer.core.printable import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from racer.accounts.timeline import Run, Timeline
    from racer.cli.bars import Glyphs
    from racer.store.readings import Race

STAGES = {
    Fate.WON: Stage.WON,
    Fate.CANCELLED: Stage.LOST,
    Fate.FAILED: Stage.FAILED,
    Fate.LATE: Stage.LATE,
    Fate.GONE: Stage.LOST,
}
STYLES = {Fate.WON: "bold green", Fate.FAILED: "red", Fate.RUNNING: "cyan"}
HEAD = ("lane", "outcome", "start", "first", "end", "in", "out")
INDENT = 2
_LOST = {
    Ending.EXPIRED: "the deadline came",
    Ending.REFUSED: "two providers call the request wrong",
    Ending.BROKEN: "the reply broke off while it was read",
}


class Paper(NamedTuple):
    """What there is to draw on. `glyphs` is None where bars are of no use; `now` gives the zone of times."""

    width: int
    glyphs: Glyphs | None
    now: datetime


def why_page(timeline: Timeline, paper: Paper) -> Group:
    parts: list[RenderableType] = [Prose(headline(timeline, paper.now), "bold")]
    parts.append(Prose(terms(timeline)))
    if timeline.runs:
        if paper.glyphs is not None:
            parts += ["", *_bars(timeline, paper.glyphs, paper.width)]
        parts += ["", *_lanes(timeline.runs, paper.width)]
    if (extra := why_words.extra(timeline.tax)) is not None:
        parts += ["", Prose(extra)]
    parts += _part("what would have helped", timeline.help)
    parts += _part("the plan", why_words.plan(timeline))
    parts += _part("failed", _reasons(timeline.runs, Fate.FAILED))
    parts += _part("went on where another broke off", _went_on(timeline.runs))
    parts += _part("lost sight of", _reasons(timeline.runs, Fate.GONE))
    parts += _part("never started", _grouped([Skipped(each.lane, each.reason) for each in timeline.untried]))
    parts += _part("left out", _left_out(timeline))
    parts += _part("counted, although it won nothing", _spent(timeline))
    return Group(*parts)


# ---------------------------------------------------------------- the head


def headline(timeline: Timeline, now: datetime) -> str:
    """Which race, when, and how it ended."""
    return f"race {_when(timeline.race, now)}: {ended(timeline)}"


def told(race: Race, now: datetime) -> str:
    """A race among others, in one line."""
    return f"{_when(race, now)}: {_verdict(race)}"


def _when(race: Race, now: datetime) -> str:
    return f"{one_line(race.id)}, {usage_words.past(race.at, now)}"


def _verdict(race: Race) -> str:
    if race.winner is not None:
        return f"won by {one_line(race.winner)}"
    return "no end yet" if race.ending is None else one_line(race.ending)


def ended(timeline: Timeline) -> str:
    race, took = timeline.race, seconds(timeline.race.latency)
    match timeline.ending:
        case Ending.WON:
            return f"won by {one_line(race.winner or NOTHING)} after {took}"
        case Ending.EXHAUSTED if not timeline.runs:
            return f"lost after {took}, no lane could run"
        case Ending.EXHAUSTED:
            return f"lost after {took}, every lane failed"
        case Ending.ABORTED if race.latency is None:
            return "stopped, its process ended"
        case Ending.ABORTED:
            return f"stopped by its caller after {took}"
        case None:
            gone = "no end was written, its process has died most likely"
            return gone if timeline.abandoned else f"still running, {timeline.elapsed:.2f} s by now"
        case _:
            return f"lost after {took}, {_LOST[timeline.ending]}"


def terms(timeline: Timeline) -> str:
    race = timeline.race
    most = "one at a time" if race.policy == "one" else f"up to {race.width} at once"
    able, ran = len(race.lanes), len(timeline.runs)
    return f"policy {race.policy}, {most}, deadline {race.deadline:g} s; {able} could run, {ran} did"


# ---------------------------------------------------------------- the lanes


def _bars(timeline: Timeline, glyphs: Glyphs, width: int) -> Iterator[Text]:
    shown = [bar_of(run) for run in timeline.runs]
    columns = bars.Columns.of(shown, max(width - 1, 1))
    for bar in shown:
        pieces = bars.row(bar, columns, glyphs, elapsed=timeline.elapsed)
        yield Text.assemble(*((piece.text, piece.style) for piece in pieces), no_wrap=True, overflow="crop")


def bar_of(run: Run) -> Bar:
    """As it is drawn: what nobody saw the end of ends with its last sign of life."""
    started = Stage.WAITING if run.first_token is None else Stage.ANSWERING
    known = run.start if run.first_token is None else run.first_token
    end = known if run.fate is Fate.GONE else run.end
    told = run.fate.value if run.fate is Fate.CANCELLED else run.reason
    return Bar(one_line(run.row.lane), run.start, STAGES.get(run.fate, started), run.first_token, end, told)


def _lanes(runs: Sequence[Run], width: int) -> Iterator[RenderableType]:
    """A row each, or where there is little room two lines."""
    if width >= NARROW:
        yield _table(runs)
        return
    for run in runs:
        yield Text(one_line(run.row.lane), overflow="fold")
        yield _indented(Prose(_in_words(run), STYLES.get(run.fate, "dim")))


def _table(runs: Sequence[Run]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in HEAD:
        words = name in ("lane", "outcome")
        table.add_column(name, no_wrap=name != "lane", overflow="fold", justify="left" if words else "right")
    for run in runs:
        times = (seconds(each) for each in (run.start, run.first_token, run.end))
        outcome = Text(run.fate, STYLES.get(run.fate, "dim"))
        table.add_row(Text(one_line(run.row.lane)), outcome, *times, *_tokens(run))
    return table


def _tokens(run: Run) -> tuple[str, str]:
    row = run.row
    about = "~" if row.estimated else ""
    into, out = (
        NOTHING if each is None else f"{about}{each:,}" for each in (row.input_tokens, row.output_tokens)
    )
    return into, out


def _in_words(run: Run) -> str:
    times = (("started at", run.start), ("first token at", run.first_token), ("ended at", run.end))
    said = [f"{name} {seconds(each)}" for name, each in times if each is not None]
    into, out = _tokens(run)
    if into != NOTHING:
        said.append(f"{into} tokens in, {out} out")
    return f"{run.fate}: {', '.join(said)}"


def _reasons(runs: Sequence[Run], fate: Fate) -> list[str]:
    return [
        f"{one_line(run.row.lane)}: {run.reason or 'no reason given'}" for run in runs if run.fate is fate
    ]


def _went_on(runs: Sequence[Run]) -> list[str]:
    return [
        f"{one_line(run.row.lane)}: behind {run.behind:,} characters"
        for run in runs
        if run.behind is not None and run.fate is not Fate.CANCELLED
    ]


def _left_out(timeline: Timeline) -> list[str]:
    """Providers without a lane are news only where the race was lost for want of an answer."""
    if timeline.is_lost and timeline.ending is not Ending.BROKEN:
        return _grouped(timeline.skipped)
    lanes = [each for each in timeline.skipped if "/" in each.name]
    absent = len(timeline.skipped) - len(lanes)
    told = f"{absent} provider{'' if absent == 1 else 's'} without a lane: `racer providers` tells why"
    return [*_grouped(lanes), *([told] if absent else [])]


def _grouped(skipped: Sequence[Skipped]) -> list[str]:
    return [line.strip() for line in left_out(skipped)]


def _spent(timeline: Timeline) -> list[str]:
    spent = timeline.spent
    if not spent.requests:
        return []
    about = "about " if spent.estimated else ""
    requests = f"{spent.requests} request{'' if spent.requests == 1 else 's'}"
    return [f"{requests} and {about}{spent.tokens:,} tokens of lanes that were cancelled or came late"]


# ---------------------------------------------------------------- parts


def _part(head: str, lines: Sequence[str]) -> list[RenderableType]:
    if not lines:
        return []
    return [Text(f"\n{head}", "bold"), *(_indented(Prose(line)) for line in lines)]


def _indented(content: RenderableType) -> Padding:
    return Padding(content, (0, 0, 0, INDENT), expand=False)
