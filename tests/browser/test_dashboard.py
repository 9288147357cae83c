"""The dashboard in a real browser: what it shows of a server with simulated lanes, and who can use it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from playwright.sync_api import expect

from racer.cli import usage_words as words
from racer.config import compose
from racer.testing import ScriptedTransport, config_of, fails, says
from racer_adapters.errors import Kind, WireError
from tests.browser.grounds import Grounds, grounds
from tests.browser.views import COLOURS, READABLE, contrast, luminance
from tests.racer.server.houses import TOKEN, token

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

PHONE, DESK = 360, 1280
PATIENCE = 15_000  # milliseconds
POISON = "</script><img src=x onerror=alert(1)>\u202egnp"


# Notes how long each track has been while it ran.
WIDTHS = """() => {
  window.widths = new Set();
  const note = (changes) => changes.map((change) => change.target)
    .filter((bar) => bar.matches(".running .wait"))
    .forEach((bar) => widths.add(bar.style.getPropertyValue("--long")));
  const options = { subtree: true, attributeFilter: ["style"] };
  new MutationObserver(note).observe(document.getElementById("live"), options);
}"""


class Seen(NamedTuple):
    """The dashboard, and what the browser has told of it."""

    page: Page
    troubles: list[str]
    asked: list[str]

    def at(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def value(self, script: str, argument: Any = None) -> Any:
        return self.page.evaluate(script, argument)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Grounds]:
    """A server that has seen a race already."""
    with grounds(tmp_path) as found:
        found.race(policy="all", only=["sim-swift", "sim-steady"])
        yield found


@contextmanager
def opened(
    browser: Browser,
    url: str,
    width: int = DESK,
    *,
    dark: bool = False,
    still: bool = True,
    expected: str = "",
) -> Generator[Seen]:
    """Whatever the browser complains of fails the test, but for what `expected` is a part of."""
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce" if still else "no-preference",
    )
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    seen = Seen(context.new_page(), [], [])
    seen.page.on("console", lambda message: seen.troubles.append(message.text))
    seen.page.on("pageerror", lambda error: seen.troubles.append(str(error)))
    seen.page.on("dialog", lambda dialog: seen.troubles.append(f"dialog: {dialog.message}"))
    context.on("request", lambda request: seen.asked.append(request.url))
    try:
        seen.page.goto(url)
        yield seen
        assert [each for each in seen.troubles if not expected or expected not in each] == []
        assert [each for each in seen.asked if not each.startswith(f"{url}/")] == []
    finally:
        context.close()


# ---------------------------------------------------------------- figures


def test_figures_are_those_of_usage(browser: Browser, place: Grounds) -> None:
    """Every limit, used, held and left, what was saved, and what racing has cost."""
    with opened(browser, place.url) as seen:
        seen.at("#limits summary").click()
        deadline = time.monotonic() + PATIENCE / 1000
        while (shown := figures_of(seen)) != (told := figures_in(place.usage())):
            assert time.monotonic() < deadline, f"{shown} is not {told}"
            seen.page.wait_for_timeout(100)
        assert len(told["limits"]) == 3
        assert "Worth $0.00 at list prices" in seen.at("#glance").inner_text()


def figures_of(seen: Seen) -> dict[str, Any]:
    rows: list[list[str]] = seen.value(
        "[...document.querySelectorAll('#limits tbody tr')]"
        ".map((row) => [...row.cells].map((cell) => cell.innerText))"
    )
    return {"limits": [row[:6] for row in rows], "answers": seen.at("#glance .figure").last.inner_text()}


def figures_in(usage: dict[str, Any]) -> dict[str, Any]:
    rows = [
        [each["account"], f"{each['unit']} a {each['window']}", *(f"{each[name]:,.0f}" for name in names)]
        for each in usage["limits"]
        for names in [("used", "held", "left", "limit")]
    ]
    return {"limits": rows, "answers": counted(usage["tax"]["answers"])}


def counted(answers: int) -> str:
    return "1 answer" if answers == 1 else f"{answers} answers"


def test_who_serves_and_falling_back(browser: Browser, tmp_path: Path) -> None:
    """By name, since when; and that it is this machine where nobody else could."""
    with grounds(tmp_path) as place, opened(browser, place.url) as seen:
        place.race(only=["sim-swift"])
        expect(seen.at("#headline")).to_have_text("sim-swift serves")
        place.race(only=["sim-box", "sim-ill"])
        expect(seen.at("#headline")).to_have_text("sim-box serves")
        expect(seen.at("#glance .card").first).to_contain_text("fallback: this machine")
        expect(seen.at("#spells li")).to_have_count(2)
        assert "fallback: this machine" in seen.at("#spells li").first.inner_text()
        assert "fallback" not in seen.at("#spells li").last.inner_text()


def test_who_asks_this_machine_alone(browser: Browser, tmp_path: Path) -> None:
    """Has not fallen back to it. After a race that nobody won, it has not won every one."""
    with grounds(tmp_path) as place, opened(browser, place.url) as seen:
        place.race(only=["sim-box"])
        expect(seen.at("#headline")).to_have_text("sim-box serves")
        card = seen.at("#glance .card").first
        expect(card).to_contain_text("Has won every race since")
        assert [card.locator(".badge").inner_text(), seen.at("#spells .badge").inner_text()] == [
            "this machine"
        ] * 2
        place.race(only=["sim-ill"])
        expect(card).to_contain_text("nobody has won a race since")


def test_small_amounts(browser: Browser, tmp_path: Path) -> None:
    """With the digits that `racer usage` prints."""
    values = [0, 1, 12.5, 0.00006, 0.0031, 0.5, 99.12346, 1234.5]
    with grounds(tmp_path) as place, opened(browser, place.url) as seen:
        shown = seen.value(
            "async (values) => { const { amount, dollars } = await import('/assets/words.js');"
            " return values.map((value) => [amount(value), dollars(value)]); }",
            values,
        )

    assert [each[0] for each in shown] == [words.figure(value) for value in values]
    assert [each[1].replace("$", "") for each in shown] == [
        words.dollars(value).removesuffix(" USD") for value in values
    ]


def test_latency_of_each_lane(browser: Browser, place: Grounds) -> None:
    """Drawn from what the server has kept, and told as figures."""
    with opened(browser, place.url) as seen:
        expect(seen.at("#strips .plot svg[role=img]")).to_have_count(1)
        assert "sim-swift/small 0." in (seen.at("#strips .plot svg").get_attribute("aria-label") or "")
        seen.page.get_by_text("The same as figures").click()
        expect(seen.at("#strip-table tbody tr").filter(has_text="sim-swift/small")).to_have_count(1)


def test_limits_that_run_out(browser: Browser, tmp_path: Path) -> None:
    """They are said, and what is left is no more than nothing."""
    with grounds(tmp_path) as place:
        for _ in range(20):
            place.begin(only=["sim-swift"])
        place.race(only=["sim-swift"])
        with opened(browser, place.url) as seen:
            alert = seen.at("#alerts li").filter(has_text="sim-swift: requests per day used up, 20")
            expect(alert).to_have_count(1)
            expect(seen.at(".account").filter(has_text="sim-swift")).to_contain_text("0 left of 20")


# ---------------------------------------------------------------- races


@pytest.mark.parametrize("still", [False, True], ids=["moving", "in steps"])
def test_a_race_moves(still: bool, browser: Browser, place: Grounds) -> None:
    """Its tracks grow while it runs; then each says how it ended, and the list has it."""
    with opened(browser, place.url, still=still) as seen:
        seen.at("#races button").first.wait_for()
        seen.value(WIDTHS)
        place.begin("a long one", only=["sim-steady", "sim-box", "sim-ill"], policy="all")
        won = seen.at("#live .track.won").filter(has_text="sim-box/local won")
        expect(won).to_have_count(1)
        race = seen.at("#live .race").filter(has=seen.at(".track.won").filter(has_text="sim-box/local"))
        expect(race.locator(".track.failed")).to_contain_text("sim-ill/m failed, 500")
        expect(seen.at("#races tbody tr").first).to_contain_text("sim-box/local")
        assert len(seen.value("[...widths]")) > 2


def test_a_prompt_is_answered(browser: Browser, place: Grounds) -> None:
    """In pieces, as text; its race is seen, and can be looked into."""
    with opened(browser, place.url) as seen:
        seen.at("#model").fill("sim-swift,sim-steady")
        seen.at("#prompt").fill("Name three rivers.")
        seen.page.keyboard.press("Control+Enter")
        expect(seen.at("#answered")).to_contain_text("words from \u2068sim-swift/small\u2069")
        assert len(seen.at("#answer").inner_text().split()) > 5
        seen.at("#races tbody tr").first.filter(has_text="sim-swift/small").wait_for()
        seen.at("#races button").first.click()
        expect(seen.at("#why .track.won")).to_contain_text("sim-swift/small")
        assert seen.value("document.activeElement.id") == "why-title"


def test_a_prompt_is_stopped(browser: Browser, place: Grounds) -> None:
    """Its race ends with it; who works by keyboard can ask again at once."""
    with opened(browser, place.url) as seen:
        seen.at("#model").fill("sim-steady")
        seen.at("#prompt").fill("Name three rivers.")
        seen.at("#try button[type=submit]").click()
        seen.at("#live .track.running").wait_for()
        seen.at("#stop").press("Enter")
        expect(seen.at("#answered")).to_have_text("Stopped.")
        expect(seen.at("#try button[type=submit]")).to_be_focused()
        expect(seen.at("#races tbody tr").first).to_contain_text("stopped")
        expect(seen.at("#live .race h3").filter(has_text="No answer: stopped")).to_have_count(1)


def test_a_prompt_that_nobody_can_answer(browser: Browser, place: Grounds) -> None:
    """The server's own words say why."""
    with opened(browser, place.url, expected="404") as seen:
        seen.at("#model").fill("nobody")
        seen.at("#prompt").fill("hello")
        seen.at("#try button[type=submit]").click()
        expect(seen.at("#answered")).to_contain_text("No answer (404)")


def test_an_error_of_several_lines(browser: Browser, place: Grounds) -> None:
    """Each lane's reason stands in a line of its own there; here they follow one another."""
    with opened(browser, place.url, expected="502") as seen:
        seen.at("#model").fill("sim-ill")
        seen.at("#prompt").fill("hello")
        seen.at("#try button[type=submit]").click()
        expect(seen.at("#answered")).to_contain_text(" sim-ill/m: server 500")
        assert "\ufffd" not in seen.at("#answered").inner_text()


# ---------------------------------------------------------------- states


def test_nothing_yet(browser: Browser, tmp_path: Path) -> None:
    """No race, no figure: the page says what to do."""
    with grounds(tmp_path) as place, opened(browser, place.url) as seen:
        expect(seen.at("#headline")).to_have_text("Ready to race")
        assert "Ask something" in seen.at("#live-count").inner_text()
        assert "No race yet" in seen.at("#races").inner_text()
        assert "Nothing was seen" in seen.at("#strips").inner_text()
        assert not seen.at("#served").is_visible()


def test_no_lane_at_all(browser: Browser, tmp_path: Path) -> None:
    """Said at the top, with the way out."""
    config = compose({}, {}, {"RACER_LOG": "off", "RACER_DB": ":memory:"})
    with grounds(tmp_path, config=config) as place, opened(browser, place.url, expected="503") as seen:
        expect(seen.at("#notice")).to_contain_text("no provider is set up")
        expect(seen.at("#headline")).to_have_text("Nobody can answer now")
        assert "racer init" in seen.at("#accounts").inner_text()


def test_a_server_that_goes_and_comes(browser: Browser, tmp_path: Path) -> None:
    """Its absence is said, once; when it is there again, figures and events go on."""
    with grounds(tmp_path) as place, opened(browser, place.url, expected="ERR_") as seen:
        expect(seen.at("#headline")).to_have_text("Ready to race")
        place.stop()
        expect(seen.at("#notice")).to_contain_text("The server does not answer")
        place.start()
        expect(seen.at("#notice")).to_be_hidden()
        expect(seen.at("#headline")).to_have_text("Ready to race")


def test_a_race_that_ends_with_its_server(browser: Browser, tmp_path: Path) -> None:
    """It is not under way for ever: how it ended is not known."""
    with grounds(tmp_path) as place, opened(browser, place.url, expected="ERR_") as seen:
        expect(seen.at("#headline")).to_have_text("Ready to race")
        place.begin(only=["sim-steady"])
        seen.at("#live .track.running").wait_for()
        place.stop()
        expect(seen.at("#notice")).to_contain_text("The server does not answer")
        place.start()
        expect(seen.at("#notice")).to_be_hidden()
        expect(seen.at("#live-count")).to_contain_text("Nobody races now")
        expect(seen.at("#live .race h3").first).to_contain_text("Its end was not seen")
        expect(seen.at("#live .track.unseen")).to_contain_text("end not seen")


@pytest.mark.parametrize("wrong", ["ключ", "clé\u2028", "日本"])
def test_a_token_that_no_header_holds(wrong: str, browser: Browser, tmp_path: Path) -> None:
    """Is a wrong one, also where the browser has kept it; the right one is taken after it."""
    with (
        grounds(tmp_path, tokens=(token(),)) as place,
        opened(browser, place.url, expected="401") as seen,
    ):
        expect(seen.at("#token-value")).to_be_focused()
        seen.at("#token-value").fill(wrong)
        seen.page.keyboard.press("Enter")
        expect(seen.at("#token-said")).to_have_text("The server does not know this token.")
        seen.value("(token) => sessionStorage.setItem('racer-token', token)", wrong)
        seen.page.reload()
        expect(seen.at("#token-value")).to_be_focused()
        assert not seen.at("#notice").is_visible()
        seen.at("#token-value").fill(TOKEN)
        seen.page.keyboard.press("Enter")
        expect(seen.at("#headline")).to_have_text("Ready to race")
        expect(seen.at("#headline")).to_be_focused()


def test_a_token(browser: Browser, tmp_path: Path) -> None:
    """Asked for in a form, sent as a header, never part of an address, and forgotten with the tab."""
    with (
        grounds(tmp_path, tokens=(token(),)) as place,
        opened(browser, place.url, expected="401") as seen,
    ):
        expect(seen.at("#token-value")).to_be_focused()
        assert not seen.at("#content").is_visible()
        seen.page.keyboard.type("wrong")
        seen.page.keyboard.press("Enter")
        expect(seen.at("#token-said")).to_have_text("The server does not know this token.")
        seen.at("#token-value").fill(TOKEN)
        seen.page.keyboard.press("Enter")
        expect(seen.at("#headline")).to_have_text("Ready to race")
        place.race(only=["sim-swift"])
        expect(seen.at("#headline")).to_have_text("sim-swift serves")
        assert not any(TOKEN in each for each in seen.asked)
        assert seen.value("localStorage.length") == 0
        seen.page.reload()
        expect(seen.at("#headline")).to_have_text("sim-swift serves")


# ---------------------------------------------------------------- who can use it


def test_strangers_write_text(browser: Browser, tmp_path: Path) -> None:
    """An answer, a reason, a model's name: read as they are, run never, and turning nothing around."""
    transport = ScriptedTransport(
        {"a": says(f"answer {POISON}", after=0.4), "b": fails(WireError(Kind.SERVER, f"reason {POISON}"))}
    )
    with (
        grounds(tmp_path, config=config_of("a", "b", env={"RACER_LOG": "off"}), transport=transport) as place,
        opened(browser, place.url) as seen,
    ):
        seen.at("#prompt").fill("hello")
        seen.at("#try button[type=submit]").click()
        expect(seen.at("#answer")).to_contain_text("answer </script><img src=x onerror=alert(1)>")
        expect(seen.at("#live .reason:not([hidden])").first).to_contain_text(
            "<img src=x onerror=alert(1)>\ufffdgnp"
        )
        assert seen.value("document.querySelectorAll('img, main script').length") == 0


def test_the_policy_holds(browser: Browser, place: Grounds) -> None:
    """What would run within the page, or ask somebody else, is refused by the browser."""
    with opened(browser, place.url, expected="Content Security Policy") as seen:
        seen.value("() => { document.body.append(Object.assign(document.createElement('script'), "
                   "{ textContent: 'window.ran = true' })); }")  # fmt: skip
        assert seen.value("window.ran") is None
        assert seen.value("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')") == "refused"
        assert len(seen.troubles) >= 2


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_no_scrolling_sideways(width: int, browser: Browser, tmp_path: Path) -> None:
    """On a phone either, whatever names there are: tables do, in their boxes."""
    lanes = f'name = "long"\n[providers.a]\nmodels = ["{"very-long-name-" * 9}"]\nfirst_token = 0.1\n'
    with grounds(tmp_path, lanes=lanes) as place:
        place.race()
        with opened(browser, place.url, width) as seen:
            seen.at("#races button").first.click()
            seen.at("#why .track").wait_for()
            seen.at("#strips svg").wait_for()
            for summary in seen.at("summary").all():
                if summary.is_visible():
                    summary.click()
            assert seen.value("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read(dark: bool, browser: Browser, place: Grounds) -> None:
    """Dark is dark, and every word stands out from what is behind it, those in the plot too."""
    with opened(browser, place.url, dark=dark) as seen:
        seen.at("#strips svg").wait_for()
        seen.at("#races button").first.click()
        seen.at("#why .track").first.wait_for()
        ground = luminance(seen.value("getComputedStyle(document.documentElement).backgroundColor"))
        texts: list[list[str]] = seen.value(COLOURS)

    assert ground < 0.02 if dark else ground > 0.9
    assert len(texts) > 100
    assert [each for each in texts if contrast(each[1], each[2]) < READABLE] == []


def test_by_keyboard(browser: Browser, place: Grounds) -> None:
    """Past the head of the page to the prompt, to its answer, and to a race, with the focus in sight."""
    with opened(browser, place.url) as seen:
        seen.at("#races button").first.wait_for()
        seen.page.keyboard.press("Tab")
        assert seen.value("document.activeElement.className") == "skip"
        seen.page.keyboard.press("Enter")
        tab_to(seen, "#prompt")
        seen.page.keyboard.type("hello")
        tab_to(seen, "#try button[type=submit]")
        assert seen.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        seen.page.keyboard.press("Enter")
        expect(seen.at("#answered")).to_contain_text("words from")
        tab_to(seen, "#races button")
        seen.page.keyboard.press("Enter")
        expect(seen.at("#why-title")).to_be_focused()
        seen.at("#why .track").first.wait_for()


def tab_to(seen: Seen, selector: str) -> None:
    for _ in range(40):
        seen.page.keyboard.press("Tab")
        if seen.value(f"document.activeElement.matches('{selector}')"):
            return
    pytest.fail(f"the keyboard does not come to {selector}")


def test_landmarks_and_what_is_read_out(browser: Browser, place: Grounds) -> None:
    """One of each, every section by its heading; what moves all the time is not read out."""
    with opened(browser, place.url) as seen:
        seen.at("#races button").first.wait_for()
        for name in ("header", "main", "nav", "footer", "h1"):
            assert seen.at(name).count() == 1
        sections: list[str] = seen.value(
            "[...document.querySelectorAll('section')].map((each) => "
            "document.getElementById(each.getAttribute('aria-labelledby'))?.textContent ?? '')"
        )
        assert all(sections)
        loud = "[...document.querySelectorAll('[aria-live], [role=status], [role=alert]')]"
        assert seen.value(f"{loud}.map((each) => each.id)") == ["notice", "token-said", "answered"]
