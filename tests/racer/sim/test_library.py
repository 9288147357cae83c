"""Where profiles come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from racer.sim.fault import KINDS
from racer.sim.library import built_in, load_profile
from racer.sim.profile import NOTHING, ProfileError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", built_in())
def test_every_built_in_profile_loads(name: str) -> None:
    """Each is found by its name and bears it."""
    profile = load_profile(name)

    assert profile.name == name
    assert profile.providers


def test_the_promised_profiles_are_there() -> None:
    """The default, the demo, the one without delays, and the poison."""
    assert {"default", "demo", "zero", "poison"} <= set(built_in())


def test_zero_has_no_delay_anywhere() -> None:
    """At least four providers without delay, fault or limit."""
    providers = load_profile("zero").providers

    assert len(providers) >= 4
    for provider in providers:
        assert (provider.first_token, provider.rate) == (NOTHING, NOTHING)
        assert (provider.faults, provider.limits, provider.dialect) == ((), (), "openai")


def test_poison_has_every_fault_and_one_healthy_lane() -> None:
    """Each other provider always fails in its own way."""
    healthy, *poisoned = load_profile("poison").providers

    assert (healthy.name, healthy.faults) == ("healthy", ())
    kinds = {fault.kind for provider in poisoned for fault in provider.faults if fault.share == 1.0}
    refusals = {"400", "401", "402", "403", "404", "413", "502", "504", "insufficient_quota"}
    particular = {"cut", "bad_arguments", "unknown_tool"}  # they need a place, or a question with tools
    assert kinds == KINDS.keys() - refusals - particular


def test_a_file_is_read(tmp_path: Path) -> None:
    """Its path is where errors are said to be."""
    path = tmp_path / "mine.toml"
    path.write_text('[providers.a]\nmodels = ["m"]\n')

    assert load_profile(path).name == str(path)
    assert load_profile(str(path)).providers[0].name == "a"


def test_neither_name_nor_file(tmp_path: Path) -> None:
    """The error names the path and the profiles that exist."""
    with pytest.raises(ProfileError, match=r"nowhere\.toml: .*built-in profiles: default, demo"):
        load_profile(tmp_path / "nowhere.toml")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are an error of the profile."""
    path = tmp_path / "bad.toml"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(ProfileError, match=r"bad\.toml"):
        load_profile(path)
