"""The page of a bench in a real browser: what is drawn, what is asked of whom, and who can use it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from racer.bench.page import page
from tests.browser.views import COLOURS, READABLE, contrast, luminance
from tests.racer.bench.documents import LANES, POISONED, Lane, bench, replay

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from playwright.sync_api import Browser, Page

PHONE, DESK = 360, 1280
SECONDS_TO_OPEN = 3.0


class Seen(NamedTuple):
    """A page that is open, and what the browser has told of it."""

    page: Page
    troubles: list[str]
    asked: list[str]

    def count(self, selector: str) -> int:
        return self.page.locator(selector).count()

    def value(self, script: str) -> Any:
        return self.page.evaluate(script)


@contextmanager
def opened(
    browser: Browser,
    folder: Path,
    document: Mapping[str, Any],
    width: int = DESK,
    *,
    dark: bool = False,
    scripts: bool = True,
) -> Generator[Seen]:
    """The page of `document`. Whatever the browser complains of, or asks for, fails the test at the end."""
    file = folder / "report.html"
    file.write_text(page(document), encoding="utf-8")
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
    seen = Seen(context.new_page(), [], [])
    seen.page.on("console", lambda message: seen.troubles.append(message.text))
    seen.page.on("pageerror", lambda error: seen.troubles.append(str(error)))
    seen.page.on("dialog", lambda dialog: seen.troubles.append(f"dialog: {dialog.message}"))
    context.on("request", lambda request: seen.asked.append(request.url))
    try:
        seen.page.goto(file.as_uri())
        yield seen
        assert seen.troubles == []
        assert seen.asked == [file.as_uri()]
    finally:
        context.close()


# ---------------------------------------------------------------- what is drawn


def test_every_plot_is_drawn(browser: Browser, tmp_path: Path) -> None:
    """Five pictures with a mark for every answer, each with a text for who does not see it."""
    document = bench()
    answers = sum(row["answered"] for row in document["rows"])
    with opened(browser, tmp_path, document) as seen:
        for name, pictures in {"latency": 1, "cost": 2, "race": 1, "hours": 1}.items():
            assert seen.count(f"#{name} .plot svg[role=img][aria-label]") == pictures
        assert seen.count("#latency .plot svg circle, #latency .plot svg path") >= answers
        assert seen.count("#hours .plot svg circle") == sum(row["answered"] for row in document["rows"][:3])
        assert seen.count("#race .plot svg rect") >= 3
        median = document["rows"][0]["latency"]["p50"]["value"]
        told = seen.page.locator("#latency .plot svg").get_attribute("aria-label")
        assert f"groq/swift {median:.2f} s" in (told or "")


def test_a_replay_is_drawn(browser: Browser, tmp_path: Path) -> None:
    """Its figures, and what was beside them."""
    with opened(browser, tmp_path, replay()) as seen:
        assert seen.count("#latency .plot svg") == 1
        assert seen.count("#cost .plot svg") == 2
        assert "as it was" in (seen.page.locator("#latency .plot svg").text_content() or "")


@pytest.mark.parametrize(
    ("document", "empty"),
    [
        (bench(rounds=0), ["latency", "cost", "race", "hours"]),
        (bench(LANES[:1], policies=()), ["race"]),
        (bench((Lane("a/dead", 1.0, 1.0),), policies=()), ["latency", "cost", "race", "hours"]),
        (bench(rounds=2, stopped="interrupted"), []),
    ],
    ids=["nothing was asked", "one lane alone", "nobody answered", "stopped"],
)
def test_what_there_is_not_is_said(
    document: dict[str, Any], empty: list[str], browser: Browser, tmp_path: Path
) -> None:
    """A figure of nothing is a sentence; all others are drawn."""
    with opened(browser, tmp_path, document) as seen:
        for name in ("latency", "cost", "race", "hours"):
            assert (seen.count(f"#{name} .plot svg") == 0) is (name in empty)
            if name in empty:
                assert seen.page.locator(f"#{name}").inner_text().endswith(".")


def test_a_bench_of_days_is_laid_over_one(browser: Browser, tmp_path: Path) -> None:
    """The axis then has the hours of a day."""
    with opened(browser, tmp_path, bench(gap=3 * 3600)) as seen:
        ticks = seen.page.locator("#hours .plot svg").text_content() or ""

    assert "00:00" in ticks
    assert "21:00" in ticks


def test_a_large_bench_opens_at_once(browser: Browser, tmp_path: Path) -> None:
    """60 lanes and 10,000 calls: the first rows are drawn, a button has the rest."""
    lanes = [Lane(f"provider{number}/model", 0.2 + number / 10) for number in range(60)]
    with opened(browser, tmp_path, bench(lanes, 165, ("all", "one"))) as seen:
        loaded = seen.value("performance.timing.loadEventEnd - performance.timing.navigationStart")
        assert loaded / 1000 < SECONDS_TO_OPEN
        assert "are drawn, from the fastest to the slowest" in seen.page.locator("#latency").inner_text()
        before = seen.page.locator("#latency .plot svg").bounding_box()
        seen.page.get_by_role("button", name="Show all 62").click()
        after = seen.page.locator("#latency .plot svg").bounding_box()
        assert before is not None
        assert after is not None
        assert after["height"] > 3 * before["height"]


# ---------------------------------------------------------------- who can use it


def test_a_phone_is_wide_enough(browser: Browser, tmp_path: Path) -> None:
    """The page does not scroll sideways, whatever names are in it: tables do, in their boxes."""
    lanes = (*LANES, Lane("very/" + "long-name-" * 20, 1.0), Lane("سريع/نموذج", 0.6), Lane("a/🏎️💨", 0.5))
    with opened(browser, tmp_path, bench(lanes), PHONE) as seen:
        assert seen.value("document.documentElement.scrollWidth") <= PHONE
        box = "document.querySelector('#figures .scroll')"
        assert seen.value(f"{box}.scrollWidth > {box}.clientWidth")
        assert (
            seen.value(
                "[...document.querySelectorAll('.plot svg text')]"
                ".filter((text) => text.getBoundingClientRect().right > innerWidth).length"
            )
            == 0
        )


def test_plots_follow_the_width(browser: Browser, tmp_path: Path) -> None:
    """A phone that is turned has them drawn anew."""
    with opened(browser, tmp_path, bench(), PHONE) as seen:
        before = seen.page.locator("#latency .plot svg").get_attribute("width")
        seen.page.set_viewport_size({"width": 740, "height": 360})
        seen.page.wait_for_function(
            f"document.querySelector('#latency .plot svg').getAttribute('width') !== '{before}'"
        )
        assert float(seen.page.locator("#latency .plot svg").get_attribute("width") or 0) > 500


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read(dark: bool, browser: Browser, tmp_path: Path) -> None:
    """Dark is dark, and every word stands out from what is behind it, those in plots too."""
    with opened(browser, tmp_path, bench(stopped="interrupted"), dark=dark) as seen:
        ground = luminance(seen.value("getComputedStyle(document.documentElement).backgroundColor"))
        texts: list[list[str]] = seen.value(COLOURS)

    assert ground < 0.02 if dark else ground > 0.9
    assert len(texts) > 100
    assert [each for each in texts if contrast(each[1], each[2]) < READABLE] == []


def test_a_race_is_picked_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    """Tab reaches the list, an arrow key picks the next race, and it is drawn and told anew."""
    with opened(browser, tmp_path, bench()) as seen:
        for _ in range(40):
            seen.page.keyboard.press("Tab")
            if seen.value("document.activeElement.id") == "race-choice":
                break
        told = seen.page.locator("#race .told").inner_text()
        label = seen.page.locator("#race .plot svg").get_attribute("aria-label")
        seen.page.keyboard.press("ArrowDown")

        assert seen.value("document.activeElement.id") == "race-choice"
        assert seen.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert seen.page.locator("#race .told").inner_text() != told
        assert seen.page.locator("#race .plot svg").get_attribute("aria-label") != label
        seen.page.get_by_role("button", name="Earlier").click()
        assert seen.page.locator("#race .told").inner_text() == told


def test_a_row_that_is_pointed_at_tells_its_figures(browser: Browser, tmp_path: Path) -> None:
    """Beside the pointer, on the ground of the page: dark in the dark."""
    with opened(browser, tmp_path, bench(), dark=True) as seen:
        box = seen.page.locator("#latency .plot svg").bounding_box()
        assert box is not None
        seen.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
        tip = seen.page.locator("#latency [aria-label=tip]")
        assert "answered" in (tip.text_content() or "")
        ground = "document.querySelector('#latency [aria-label=tip] path')"
        assert luminance(seen.value(f"getComputedStyle({ground}).fill")) < 0.02


def test_names_and_reasons_are_shown_as_they_are(browser: Browser, tmp_path: Path) -> None:
    """A stranger's model may be called like a script: its name is read, in the table and in the plots."""
    name = f"groq/{POISONED}"
    with opened(browser, tmp_path, bench((Lane(name, 0.4, 0.3), Lane("a/b", 0.5)))) as seen:
        assert seen.count("img") == 0
        assert name in seen.page.locator("#figures").inner_text()
        assert name in (seen.page.locator("#latency .plot svg").get_attribute("aria-label") or "")
        assert name in seen.page.locator("#race-choice").inner_text()


def test_without_scripts_the_figures_are_there(browser: Browser, tmp_path: Path) -> None:
    """The page says that plots are missing, and has everything else."""
    with opened(browser, tmp_path, bench(), scripts=False) as seen:
        assert seen.page.get_by_text("The plots need scripts").is_visible()
        assert seen.page.locator("#figures table").first.is_visible()
        assert not seen.page.locator("#race-choice").is_visible()
