"""The README's plot: how long answers take by each client, and how many requests each needs for one.

Two files, for light and for dark pages, each on no ground of its own. The same figures give the same bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# From top to bottom, before they are sorted by their p99.
ROWS = {
    "racer_client:all": "racer all",
    "racer_client:frugal": "racer frugal",
    "racer_client:one": "racer one",
    "by_hand:stream": "aiohttp by hand",
    "openai_race:stream": "OpenAI SDK raced",
    "litellm_race:stream": "LiteLLM fastest",
    "freelm_client:stream": "freelm",
    "freellmpool_client:whole": "freellmpool",
}
MARKS = ((49, "p50", "o", 0.35), (94, "p95", "o", 0.65), (98, "p99", "D", 1.0))
WIDTH, ROW_HEIGHT, AROUND = 6.8, 0.34, 1.15  # inches


@dataclass(frozen=True)
class Style:
    """`ours` marks racer, `theirs` everybody else."""

    name: str
    ink: str
    faint: str
    grid: str
    ours: str
    theirs: str


STYLES = (
    Style("light", "#1f2328", "#59636e", "#d1d9e0", "#0969da", "#6e7781"),
    Style("dark", "#f0f6fc", "#9198a1", "#3d444d", "#58a6ff", "#8b949e"),
)


@dataclass(frozen=True)
class Row:
    title: str
    seconds: tuple[float, ...]  # of MARKS
    requests: float
    ours: bool


def rows(peers: Mapping[str, Any]) -> list[Row]:
    """Of those that have answered; who has the shortest p99 is the last, which is drawn on top."""
    found = [
        Row(
            title,
            tuple(peers[key]["curve"][point] for point, *_ in MARKS),
            peers[key]["requests"],
            key.startswith("racer"),
        )
        for key, title in ROWS.items()
        if peers.get(key, {}).get("curve")
    ]
    return sorted(found, key=lambda row: row.seconds[-1], reverse=True)


def draw(peers: Mapping[str, Any], folder: Path) -> None:
    """tail-light.svg and tail-dark.svg."""
    matplotlib: Any = import_module("matplotlib")  # slow to load, and only wanted here
    folder.mkdir(parents=True, exist_ok=True)
    fonts = {"svg.hashsalt": "racer", "svg.fonttype": "path", "font.size": 10}
    for style in STYLES:
        with matplotlib.rc_context(fonts):
            target = folder / f"tail-{style.name}.svg"
            figure(rows(peers), style).savefig(target, transparent=True, metadata={"Date": None})
            target.write_text(_tidy(target.read_text()))


def _tidy(svg: str) -> str:
    """Without blanks at the ends of lines, and in paths without digits that nobody can see."""
    svg = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\d\.\d\d)\d+", r"\1", path[0]), svg)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def figure(shown: Sequence[Row], style: Style) -> Any:
    made: Any = import_module("matplotlib.figure").Figure(
        figsize=(WIDTH, AROUND + ROW_HEIGHT * len(shown)), layout="constrained"
    )
    left, right = made.subplots(1, 2, sharey=True, width_ratios=(2.3, 1))
    _waits(left, shown, style)
    _requests(right, shown, style)
    left.set_yticks(range(len(shown)), [row.title for row in shown])
    for axes in (left, right):
        axes.set_facecolor("none")
        axes.set_ylim(-0.75, len(shown) - 0.4)
        axes.tick_params(axis="both", length=0, labelcolor=style.faint)
        axes.spines[:].set_visible(False)
    for label, row in zip(left.get_yticklabels(), shown, strict=True):
        label.set_color(style.ours if row.ours else style.ink)
        label.set_fontweight("bold" if row.ours else "normal")
    return made


def _waits(axes: Any, shown: Sequence[Row], style: Style) -> None:
    """From the middle answer to the slowest of a hundred."""
    for place, row in enumerate(shown):
        color = style.ours if row.ours else style.theirs
        axes.plot((row.seconds[0], row.seconds[-1]), (place, place), color=color, linewidth=2, alpha=0.45)
        for seconds, (_, name, marker, alpha) in zip(row.seconds, MARKS, strict=True):
            axes.plot(seconds, place, marker, color=color, alpha=alpha, markersize=7, markeredgewidth=0)
            if not place:  # the widest: there is room to say what the marks are
                _say(axes, name, (seconds, place), (0, -14), style.faint)
        _say(axes, f"{row.seconds[-1]:.1f} s", (row.seconds[-1], place), (18, 0), style.ink)
    axes.set_xlim(0, 1.14 * max(row.seconds[-1] for row in shown))
    axes.grid(axis="x", color=style.grid, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_title("seconds to the answer", loc="left", color=style.ink, fontsize=10.5, pad=14)


def _say(axes: Any, words: str, place: tuple[float, float], off: tuple[int, int], color: str) -> None:
    axes.annotate(
        words, place, off, textcoords="offset points", ha="center", va="center", color=color, fontsize=9
    )


def _requests(axes: Any, shown: Sequence[Row], style: Style) -> None:
    colors = [style.ours if row.ours else style.theirs for row in shown]
    bars = axes.barh(range(len(shown)), [row.requests for row in shown], color=colors, height=0.5)
    axes.bar_label(bars, [f"{row.requests:.2f}" for row in shown], padding=5, color=style.ink, fontsize=9)
    axes.set_xlim(0, 1.25 * max(row.requests for row in shown))
    axes.set_xticks([])
    axes.set_title("requests an answer", loc="left", color=style.ink, fontsize=10.5, pad=14)
