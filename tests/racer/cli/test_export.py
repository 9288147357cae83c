"""Files of usage: by their ending, whole or not at all, and harmless where they are opened."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from racer.accounts.gauge import COLUMNS, Gauge
from racer.accounts.statement import RaceTax, Statement
from racer.cli.export import FORMATS, check, export
from racer.errors import BadRequest, ConfigError
from tests.racer.accounts.ledgers import NOW, usage
from tests.racer.cli.test_usage_table import BARE, STATEMENT

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime.fromtimestamp(NOW, UTC)
PAGE = """\
# Usage on 2027-01-15 12:00 UTC

| account | model | limit | used | left | resets | remarks |
| --- | --- | --- | --- | --- | --- | --- |
| a:KEY |  | 5 USD once | 4.8 | 0.2 | ends 2027-02-04 12:00 |  |
| a:KEY | openai/gpt-oss-20b | 30 requests a minute | 3 | 20 | in 42 s | 7 held by running processes |
| a:KEY | openai/gpt-oss-20b | 200,000 tokens in any 24h | 200,000 | 0 | 17:00 (in 5 h) |  |
| b:KEY |  | 1,000 requests a day | 0 | 1,000 | 2027-01-16 00:00 |  |

## Since 2027-01-08

| account | calls | won | lost | failed | tokens |
| --- | --- | --- | --- | --- | --- |
| a:KEY | 1,200 | 400 | 700 | 100 | 1,234,567 |

## Race tax since 2027-01-08

412 of 2,310 requests (18 %) were extra, 0.21 an answer: 96,000 tokens, 0.0300 USD. \
Racing saved about 41 min of waiting, 1.3 s an answer.

| policy | requests | extra | an answer | tokens | paid | saved |
| --- | --- | --- | --- | --- | --- | --- |
| all | 1,080 | 300 | 0.48 | 71,000 | 0.0300 USD | 32 min |
| frugal | 1,230 | 112 | 0.08 | 25,000 | - | 9 min |

## Refused, although there seemed to be room

- a:KEY: 3 times, last at 11:00, when 412 of 1,000 requests a day were counted

## Alerts

- 11:00 a:KEY: 90 % used, 90 of 100 requests a day

## Forecast at 40,000 tokens a day, the mean of the last 5 days with use (40,000 to 80,000)

| account | how long | comes back a day |
| --- | --- | --- |
| a:KEY | runs out today at 17:00 (today at 14:30 to never) | 0.5 days' use |
| all together | runs out today at 17:00 (today at 14:30 to never) | 0.5 days' use |

## Not spent: 0.2300 USD, by list prices of May 2026

| answers of | tokens | worth | paid | price |
| --- | --- | --- | --- | --- |
| a/openai/gpt-oss-20b | 1,000,000 | 0.2400 USD | 0.0100 USD | that at c |

Not counted, for it is paid for: d.
"""


def test_json_has_everything(tmp_path: Path) -> None:
    """The document of --json."""
    export(tmp_path / "usage.json", STATEMENT, AT)

    assert json.loads((tmp_path / "usage.json").read_text()) == json.loads(json.dumps(STATEMENT.to_dict()))


def test_csv_has_the_limits(tmp_path: Path) -> None:
    """A row each, under the names of JSON; the names alone where there is none. The case is all one."""
    export(tmp_path / "usage.CSV", STATEMENT, AT)
    export(tmp_path / "none.csv", BARE, AT)

    with (tmp_path / "usage.CSV").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["left"] for row in rows] == ["0.2", "20.0", "0.0", "1000.0"]
    assert rows[0]["resets_at"] == str(NOW + 20 * 86_400)
    assert (tmp_path / "none.csv").read_text() == ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize("begins", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(begins: str, tmp_path: Path) -> None:
    """A text that a spreadsheet would compute gets an apostrophe; a number does not."""
    odd = Gauge(usage(model=begins, used=5.0), None, None)
    export(tmp_path / "usage.csv", BARE._replace(gauges=(odd,)), AT)

    with (tmp_path / "usage.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["model"], row["used"]) == (f"'{begins.strip()}", "5.0")


def test_markdown_has_tables(tmp_path: Path) -> None:
    """With what was asked for."""
    export(tmp_path / "usage.md", STATEMENT, AT)

    assert (tmp_path / "usage.md").read_text() == PAGE


def test_markdown_compares_no_policy_with_itself(tmp_path: Path) -> None:
    """With one alone there is a line and no table."""
    export(tmp_path / "usage.md", BARE._replace(taxes=(RaceTax("one", 5, 8),)), AT)

    text = (tmp_path / "usage.md").read_text()
    assert text.endswith("|\n\n## Race tax since 2027-01-14\n\nNo request was extra.\n")


def test_markdown_takes_no_orders(tmp_path: Path) -> None:
    """A name from outside stays in its cell."""
    odd = Gauge(usage(model="a|b<script>\n# c\\"), None, None)
    export(tmp_path / "usage.md", BARE._replace(gauges=(odd,)), AT)

    text = (tmp_path / "usage.md").read_text()
    assert "| a\\|b&lt;script> # c\\\\ |" in text
    assert "##" not in text


@pytest.mark.parametrize("name", ["usage", "usage.xlsx", ".csv", "usage.csv.gz"])
def test_other_endings_are_refused(name: str, tmp_path: Path) -> None:
    """With those that are allowed."""
    with pytest.raises(BadRequest, match=r"allowed: a file whose name ends in \.json, \.csv, \.md"):
        check(tmp_path / name)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_file_that_is_there_is_replaced(ending: str, tmp_path: Path) -> None:
    """As a whole; through a link, the file that it leads to. Nothing else is left in the folder."""
    (tmp_path / "there").write_text("before")
    link = tmp_path / f"link{ending}"
    link.symlink_to("there")

    export(link, STATEMENT, AT)

    assert (tmp_path / "there").read_text() != "before"
    assert sorted(each.name for each in tmp_path.iterdir()) == [link.name, "there"]


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder that is none, or a folder of that name; nothing is left over."""
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "file").write_text("")

    for place in ("none/usage.md", "file/usage.md", "folder.md"):
        with pytest.raises(ConfigError, match="cannot be written"):
            export(tmp_path / place, STATEMENT, AT)

    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "folder.md"]


def test_without_anything_there_is_a_page() -> None:
    """Of a head and an empty table."""
    assert FORMATS[".md"](Statement(NOW, NOW, "", (), (), ()), AT).count("\n") == 4
