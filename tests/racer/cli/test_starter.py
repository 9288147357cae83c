"""The files that `racer init` writes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from racer import config
from racer.cli.starter import by_free_use, config_text, environment_text, ignores_env, wanting
from racer.config import compose, dotenv
from racer.config.files import catalogue
from racer.core.options import Defaults
from tests.racer.accounts.rows import LONG_KEY, config_of_rows, row

if TYPE_CHECKING:
    from pathlib import Path

BUILT_IN = compose({}, catalogue(), {}).providers
CONFIG, ENVIRONMENT = config_text(BUILT_IN), environment_text(BUILT_IN)


def loaded(folder: Path, text: str, **environ: str) -> config.Config:
    (folder / "racer.toml").write_text(text)
    return config.load(environ=environ, cwd=folder)


def test_the_file_changes_nothing(tmp_path: Path) -> None:
    """As it is written, it says what would hold without it."""
    without = config.load(environ={}, cwd=tmp_path)
    written = loaded(tmp_path, CONFIG)

    assert written.path == tmp_path / "racer.toml"
    assert written.race == without.race == Defaults()
    assert written.providers == without.providers


def test_every_setting_in_it_is_one(tmp_path: Path) -> None:
    """With all that is switched off switched on, it loads, and is still the same but for the example."""
    settings = re.sub(r"^#(?=[^ #\n])", "", CONFIG, flags=re.MULTILINE)
    switched_on = loaded(tmp_path, settings)
    named = {each.name: each for each in switched_on.providers}

    assert switched_on.race == replace(Defaults(), max_tax=1)
    assert settings.count("\n[providers.") == len(by_free_use(BUILT_IN)) + 1
    assert named.pop("workstation").key_names == ("WORKSTATION_API_KEY",)
    assert list(named.values()) == list(BUILT_IN)


def test_every_race_setting_is_explained() -> None:
    """One that has no value of its own is switched off; the cache has a section of its own."""
    known = set(re.findall(r"^(\w+) = .*# \w", CONFIG, re.MULTILINE))

    assert known == set(Defaults.__slots__) - {"max_tax", "cache"}
    assert re.search(r"^#max_tax = 1 +# every policy: ", CONFIG, re.MULTILINE)


def test_every_provider_that_is_alive_is_in_it() -> None:
    """With its variables and its page; retired ones are not."""
    for provider in BUILT_IN:
        alive = provider.status == "alive"
        assert (f"\n#[providers.{provider.name}]\n" in CONFIG) is alive
        assert not alive or provider.console in CONFIG
        assert not alive or all(name in CONFIG for name in provider.key_names[:1])


def test_the_variables_are_empty() -> None:
    """Nothing in .env.example is a value, and every line of it is understood."""
    values, broken = dotenv.parse(ENVIRONMENT)

    assert broken == ()
    assert set(values.values()) == {""}
    assert set(values) >= {"GROQ_API_KEY", "MISTRAL_API_KEY", "CLOUDFLARE_ACCOUNT_ID"}


def test_empty_variables_are_no_keys(tmp_path: Path) -> None:
    """Copied as it is, .env changes nothing; and it hides nothing of the environment."""
    (tmp_path / ".env").write_text(ENVIRONMENT)

    untouched = loaded(tmp_path, CONFIG)
    keyed = {each.name: each for each in loaded(tmp_path, CONFIG, GROQ_API_KEY=LONG_KEY).providers}

    assert untouched.refused == ()
    assert untouched.providers == BUILT_IN
    assert len(keyed["groq"].accounts) == 1


def test_lines_are_short_enough_to_read() -> None:
    """110 columns at the most, but for what cannot be broken."""
    lines = f"{CONFIG}\n{ENVIRONMENT}".splitlines()

    assert [line for line in lines if len(line) > 110 and "://" not in line] == []


def test_the_most_free_use_comes_first() -> None:
    """As the priority of the rows tells, and within one as they stand there; the dead give nothing."""
    config = config_of_rows(
        {},
        paid=row("paid", priority=80),
        free=row("free", priority=20),
        also=row("also", priority=20),
        dead=row("dead", priority=0, status="retired"),
    )

    assert [each.name for each in by_free_use(config.providers)] == ["free", "also", "paid"]


def test_what_is_missing_is_told_for_those_alone_that_lack_it() -> None:
    """All their variables; who has a key, or needs none, lacks nothing."""
    config = config_of_rows(
        {"HAS_KEY": LONG_KEY},
        has=row("has"),
        none=row("none", key_names=[]),
        two=row("two", base_url="https://two.test/$TWO_ID"),
        half=row("half", base_url="https://half.test/$HALF_ID", priority=90),
        one=row("one", priority=10),
    )

    assert [(each.name, names) for each, names in wanting(config.providers, config.env)] == [
        ("one", ("ONE_KEY",)),
        ("two", ("TWO_KEY", "TWO_ID")),
        ("half", ("HALF_KEY", "HALF_ID")),
    ]


@pytest.mark.parametrize(
    ("text", "ignored"),
    [
        (".env\n", True),
        ("a\n /.env \n", True),
        ("*.env", True),
        ("", False),
        (".env.example", False),
        ("# .env", False),
    ],
)
def test_an_ignored_env_is_recognised(text: str, *, ignored: bool) -> None:
    """Where a line says so plainly; otherwise a reminder does no harm."""
    assert ignores_env(text) is ignored
