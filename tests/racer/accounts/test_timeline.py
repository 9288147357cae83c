"""The timeline of a race: what became of each lane, why others never started, what would have helped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from racer.accounts.timeline import Fate, Spent, Timeline, Untried, entry, timeline_of
from racer.core.heat import Ending
from racer.store.readings import Planned
from tests.core.lanes import lane as lane_of
from tests.racer.accounts.ledgers import NOW
from tests.racer.accounts.races import lane, race, story

if TYPE_CHECKING:
    from racer.store.readings import Lane, Race

PROVIDERS = (lane_of("a/m").provider, lane_of("b/m").provider)


def timeline(race_: Race, *attempts: Lane, skipped: tuple[tuple[str, str], ...] = ()) -> Timeline:
    return timeline_of(story(race_, *attempts, skipped=skipped), PROVIDERS, NOW)


# ---------------------------------------------------------------- lanes

Course = tuple[float, float | None, float | None, str]
OPEN = race(None, latency=None, deadline=60.0)
OLD = race(None, latency=None, at=NOW - 120)
FATES: dict[str, tuple[Race, Lane, Fate, Course]] = {
    "won": (race(), lane(), Fate.WON, (0.0, 0.25, 0.75, "")),
    "stopped": (
        race(),
        lane(outcome="lost", first_token=None),
        Fate.CANCELLED,
        (0.0, None, 0.75, ""),
    ),
    "failed": (
        race(),
        lane(outcome="failed", start=0.5, reason="rate 429:\x1b[31m slow\ndown"),
        Fate.FAILED,
        (0.5, 0.75, 1.25, "rate 429: slow down"),
    ),
    "late": (race(), lane(outcome="late"), Fate.LATE, (0.0, 0.25, 0.75, "")),
    "answering": (
        OPEN,
        lane(outcome="running", latency=None),
        Fate.RUNNING,
        (0.0, 0.25, None, ""),
    ),
    "waiting": (
        OPEN,
        lane(outcome="running", latency=None, first_token=None),
        Fate.RUNNING,
        (0.0, None, None, ""),
    ),
    "its process was buried": (
        race("aborted", latency=None),
        lane(outcome="lost", latency=None, reason="its process ended"),
        Fate.GONE,
        (0.0, 0.25, None, "its process ended"),
    ),
    "its process died unseen": (
        OLD,
        lane(outcome="running", latency=None, first_token=None, start=0.5),
        Fate.GONE,
        (0.5, None, None, ""),
    ),
}


@pytest.mark.parametrize(("race_", "row", "fate", "course"), FATES.values(), ids=FATES)
def test_what_became_of_a_lane(race_: Race, row: Lane, fate: Fate, course: Course) -> None:
    """And when it started, spoke and ended, as far as anybody knows."""
    (run,) = timeline(race_, row).runs

    assert run.fate is fate
    assert (run.start, run.first_token, run.end, run.reason) == course


@pytest.mark.parametrize(
    ("race_", "rows", "elapsed"),
    [
        (race(), [lane(), lane("b/m", "lost", start=0.5)], 1.25),
        (race(latency=3.0), [lane()], 3.0),
        (OPEN, [lane(outcome="running", latency=None)], 60.0),
        (OLD, [lane(outcome="running", latency=None)], 0.25),
        (race("aborted", latency=None), [], 0.0),
    ],
)
def test_how_far_the_axis_goes(race_: Race, rows: list[Lane], elapsed: float) -> None:
    """To the last that is known, and to now while the race may still run."""
    assert timeline(race_, *rows).elapsed == elapsed


def test_a_race_without_an_end_is_given_up_after_its_deadline() -> None:
    """Half a minute later nobody is going to write it any more."""
    assert not timeline(OPEN).abandoned
    assert timeline(OLD).abandoned
    assert not timeline(race(at=NOW - 1000)).abandoned


def test_what_counted_and_won_nothing() -> None:
    """Lanes that were cancelled or came late, or whose process died; failures have their own reasons."""
    rows = [
        lane(),
        lane("b/m", "lost", input_tokens=3, output_tokens=4, estimated=True),
        lane("c/m", "late", input_tokens=5, output_tokens=6),
        lane("d/m", "lost", reason="its process ended", input_tokens=None, output_tokens=None),
        lane("e/m", "failed", reason="server 500"),
    ]

    assert timeline(race(), *rows).spent == Spent(3, 18, estimated=True)


# ---------------------------------------------------------------- who never started


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (None, "not yet"),
        ("won", "not needed: the race was won before its turn"),
        ("exhausted", "the race was over before its turn"),
        ("expired", "the deadline came before its turn"),
        ("refused", "the race was over before its turn"),
        ("broken", "the race was over before its turn"),
        ("aborted", "the race was stopped before its turn"),
    ],
)
def test_why_a_lane_never_started(ending: str | None, reason: str) -> None:
    """It was not kept out, and had no turn: as far as the end of the race tells."""
    assert timeline(race(ending), lane()).untried == (Untried("b/m", reason, kept_out=False),)


@pytest.mark.parametrize("ending", ["won", "exhausted", "expired"])
def test_what_kept_a_lane_out_is_told(ending: str) -> None:
    """However the race ended; without control characters. A lane that has run was not kept out."""
    kept_out = (("a/m", "used up"), ("b/m", "rate: \x1b[31mslow\ndown"))
    found = timeline(race(ending, kept_out=kept_out), lane())

    assert found.untried == (Untried("b/m", "rate: slow down", kept_out=True),)


# ---------------------------------------------------------------- what would have helped

NO_KEYS = (("c", "no key: set C_KEY"), ("d", "no key: set D_KEY or D_TOKEN"), ("e", "not enabled"))
MANY = tuple((f"p{number}", f"no key: set P{number}_KEY") for number in range(10))
KEYS = "The key of one more provider: set C_KEY, D_KEY or D_TOKEN. `racer init` tells where to get it."


def test_nothing_is_advised_where_nothing_was_lost() -> None:
    """A race that was won, that runs, or that somebody stopped."""
    for race_ in (race(), OPEN, race("aborted")):
        assert timeline(race_, lane(), skipped=NO_KEYS).help == ()


def test_failures_are_advised_on_as_their_error_was() -> None:
    """By what the reasons begin with, where they are of one kind; then the keys that nobody has set."""
    rows = [lane(outcome="failed", reason="auth 401: no"), lane("b/m", "failed", reason="auth")]

    advice, keys = timeline(race("exhausted"), *rows, skipped=NO_KEYS).help

    assert advice.startswith("Every key was refused")
    assert keys == KEYS


def test_a_reason_of_no_known_kind_does_no_harm() -> None:
    """It may come from another version."""
    (advice,) = timeline(race("refused"), lane(outcome="failed", reason="gremlins: many")).help

    assert advice.startswith("Try again")


def test_keys_help_no_race_that_was_for_some_alone() -> None:
    """Others would have been left out, too."""
    skipped = (*NO_KEYS, ("f/m", "not in only"))

    assert (
        len(timeline(race("exhausted"), lane(outcome="failed", reason="server"), skipped=skipped).help) == 1
    )


def test_of_many_keys_some_are_named() -> None:
    """One is enough."""
    *_, keys = timeline(race("expired"), skipped=MANY).help

    assert "P7_KEY, or one of 2 more." in keys
    assert "P8_KEY" not in keys


EXPIRED: dict[str, tuple[list[Lane], list[str]]] = {
    "some had begun": (
        [lane(outcome="lost"), lane("b/m", "lost", first_token=None)],
        ["A longer deadline=: it was 20 s, and a/m had begun to answer."],
    ),
    "one was silent": (
        [lane(outcome="lost", first_token=None), lane("b/m", "failed", reason="server")],
        ["A longer deadline=: it was 20 s, and 1 lane was still silent."],
    ),
    "two were silent": (
        [lane(outcome="lost", first_token=None), lane("b/m", "lost", first_token=None)],
        ["A longer deadline=: it was 20 s, and 2 lanes were still silent."],
    ),
    "one had no turn, and places were free": (
        [lane(outcome="failed", reason="server")],
        ["A longer deadline=: it was 20 s."],
    ),
}


@pytest.mark.parametrize(("rows", "help_"), EXPIRED.values(), ids=EXPIRED)
def test_what_a_deadline_has_cost(rows: list[Lane], help_: list[str]) -> None:
    """Who was near the end of it, and who never came to it."""
    assert list(timeline(race("expired", latency=0.75), *rows).help) == help_


FULL = [
    (race("expired", latency=0.75, width=1), 1, 1),
    (race("expired", latency=0.75, width=2), 2, 2),
    (race("expired", latency=0.75, width=2), 1, 0),
    (race("expired", latency=0.75, width=1), 0, 0),
    (race("expired", latency=0.75, policy="one"), 1, 1),
]


@pytest.mark.parametrize(("race_", "stopped", "advised"), FULL)
def test_more_lanes_are_advised_where_all_places_were_taken(race_: Race, stopped: int, advised: int) -> None:
    """Otherwise more would have changed nothing. Policy one has a single place."""
    rows = [lane(f"{name}/m", "lost", first_token=None) for name in "cd"[:stopped]]
    lines = ("A longer deadline=", "More lanes= at once, or policy all: 2 lanes had no turn.")[: 1 + advised]

    help_ = timeline(race_, *rows).help

    assert len(help_) == len(lines)
    assert all(said.startswith(line) for said, line in zip(help_, lines, strict=True))


def test_one_lane_had_no_turn() -> None:
    """It is told of alone."""
    *_, help_ = timeline(race("expired", latency=0.75, width=1), lane(outcome="lost")).help

    assert help_ == "More lanes= at once, or policy all: 1 lane had no turn."


def test_who_was_stopped_for_a_leader_was_not_running_when_the_deadline_came() -> None:
    """The leader failed, and the race went on without the other."""
    rows = [lane("b/m", "lost", first_token=None, latency=0.25), lane(outcome="failed", reason="server")]

    assert timeline(race("expired"), *rows).help[0] == "A longer deadline=: it was 20 s."


def test_who_went_on_and_behind_how_much() -> None:
    """Each that started after a leader had broken off; not the leader, nor who was stopped for it."""
    rows = [
        lane(outcome="failed", reason="network: reset, behind 1,234 characters"),
        lane("b/m", "lost", first_token=None, latency=0.25),
        lane("c/m", "failed", start=0.75, latency=0.5, reason="network: reset, behind 2,000 characters"),
        lane("d/m", "failed", start=0.75, latency=0.1, reason="server: it stands behind 9 characters here"),
        lane("e/m", start=1.25),
    ]

    found = timeline(race(), *rows)

    assert [run.behind for run in found.runs] == [None, None, 1234, 1234, 2000]
    assert [each["resumed_at"] for each in found.to_dict()["attempts"]] == [None, None, 1234, 1234, 2000]


def test_a_reply_that_broke_off_could_have_been_gone_on_with() -> None:
    """One more key would have changed nothing."""
    rows = [lane(outcome="failed", reason="reset"), lane("b/m", "lost")]

    (help_,) = timeline(race("broken"), *rows, skipped=NO_KEYS).help
    assert "resume=True" in help_
    assert "racer ask --resume" in help_


def test_lanes_that_were_kept_out_are_not_short_of_a_turn() -> None:
    """More of them at once would have changed nothing."""
    (help_,) = timeline(race("expired", kept_out=(("a/m", "busy: 1 call"), ("b/m", "rate: no")))).help

    assert help_ == "A longer deadline=: it was 20 s."


NOBODY = {
    "used up: 5 requests a day": "Everything is used up for now: pass wait=",
    "busy: 2 calls in flight are allowed at once": "Everything is used up for now: pass wait=",
    "rate: slow down": "Everything is used up for now: pass wait=",
    "auth: bad key": "Every key was refused",
    "credit": "No account has money left",
    "too large: about 9 tokens, and its limit is 5 tokens a day": "Make the prompt shorter",
    "the database is locked": "What has limits is counted",
}


@pytest.mark.parametrize("reason", NOBODY)
def test_a_race_that_found_no_lane(reason: str) -> None:
    """It is advised by what kept them out."""
    (help_,) = timeline(race("exhausted", lanes=("a/m",), kept_out=(("a/m", reason),))).help

    assert help_.startswith(NOBODY[reason])


def test_a_race_that_had_no_lane() -> None:
    """Its error's words."""
    unset = timeline(race("exhausted", lanes=()), skipped=(("a", "no key: set A_KEY"),))

    assert unset.help[0].startswith("Set a key, such as")


# ---------------------------------------------------------------- plain values


def test_plain_values() -> None:
    """The names of Reply and its attempts, and what only the database knows."""
    rows = [lane(usd=0.5), lane("c/m", "lost", input_tokens=None, first_token=None)]

    found = timeline(race(), *rows, skipped=(("d/m", "cannot\ndo tools"),)).to_dict()

    assert json.loads(json.dumps(found)) == found
    assert (found["race_id"], found["ending"], found["winner"]) == ("ab12", "won", "a/m")
    assert found["attempts"][0]["usage"] == {
        "input_tokens": 10,
        "output_tokens": 20,
        "estimated": False,
        "usd": 0.5,
    }
    assert (found["attempts"][1]["fate"], found["attempts"][1]["usage"]) == ("cancelled", None)
    assert found["not_started"] == [
        {"lane": "b/m", "reason": "not needed: the race was won before its turn", "kept_out": False}
    ]
    assert found["skipped"] == [{"name": "d/m", "reason": "cannot do tools"}]
    assert found["counted_without_winning"] == {"requests": 1, "tokens": 20, "estimated": False}


def test_plain_values_of_the_plan_and_the_tax() -> None:
    """At what price each lane started, and why; who was to start next; what extra lanes cost."""
    won = race(sent=3, extra_requests=2, extra_tokens=412, extra_usd=0.25, saved=1.3)
    won = won._replace(due=(Planned("c/m", 1.84, 0.4, "late"),))

    found = timeline(won, lane(price=0.35, why="first"))

    document = found.to_dict()
    assert json.loads(json.dumps(document)) == document
    assert (document["attempts"][0]["price"], document["attempts"][0]["why"]) == (0.35, "first")
    assert document["planned"] == [{"lane": "c/m", "at": 1.84, "price": 0.4, "why": "late"}]
    assert document["tax"] == {
        "sent": 3,
        "extra_requests": 2,
        "extra_tokens": 412,
        "extra_usd": 0.25,
        "saved": 1.3,
    }


def test_of_an_old_race_the_plan_and_the_tax_are_unknown() -> None:
    """Unknown is not nothing."""
    found = timeline(race(), lane()).to_dict()

    assert (found["attempts"][0]["price"], found["attempts"][0]["why"]) == (None, None)
    assert (found["planned"], found["tax"]) == ([], None)


def test_which_races_are_lost() -> None:
    """Not one that was won, that somebody stopped, or that runs."""
    lost = {ending for ending in (*Ending, None) if timeline(race(ending)).is_lost}

    assert lost == {Ending.EXHAUSTED, Ending.EXPIRED, Ending.REFUSED, Ending.BROKEN}


@pytest.mark.parametrize("race_", [race(), race("exhausted"), OPEN, OLD])
def test_an_entry_is_what_a_timeline_begins_with(race_: Race) -> None:
    """The same words for the same race, in a list as by itself."""
    whole = timeline(race_).to_dict()

    listed = entry(race_, NOW)

    assert listed.items() <= whole.items()
    assert list(listed) == list(whole)[: len(listed)]
    assert listed["abandoned"] is (race_ is OLD)
