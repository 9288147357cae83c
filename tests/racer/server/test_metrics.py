"""What was counted, as Prometheus reads it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from racer.core.facts import CacheHit, CoolDownStarted
from racer.server.metrics import SHOWN, Name, used_ratios, version
from racer.testing import fails, says
from racer_adapters.errors import Kind, WireError
from tests.racer.accounts.rows import LONG_KEY, row
from tests.racer.server.houses import TOKEN, token
from tests.racer.server.rooms import ROW, WON, kept, until_written
from tests.racer.server.test_health import gauge

if TYPE_CHECKING:
    from tests.racer.server.houses import Room

PAGE = Path(__file__).parents[3] / "docs" / "server.md"
_ROW = re.compile(r"^\| `(racer_[a-z_]+)` \| (counter|gauge|histogram) \|([^|]*)\|", re.MULTILINE)

Samples = dict[tuple[str, tuple[str, ...]], float]


async def scraped(place: Room) -> tuple[Samples, dict[str, str]]:
    """Every sample by its name and the values of its labels, and the type of each metric."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with place.client.get(place.server.url + "/metrics", headers=headers) as page:
        assert page.status == 200
        assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        text = await page.text()
    families = list(text_string_to_metric_families(text))
    samples = {
        (sample.name, tuple(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
    }
    assert len(samples) == sum(len(family.samples) for family in families), "no sample twice"
    return samples, {family.name: family.type for family in families}


@pytest.mark.anyio
@pytest.mark.real_time
async def test_races_as_prometheus_reads_them(tmp_path: Path) -> None:
    """Its own parser takes the page; the figures are those of what has happened."""
    rate = fails(WireError(Kind.RATE, f"the key {LONG_KEY} is too quick", status=429))
    async with kept(
        tmp_path, {"a": says("hello"), "b": rate}, rows={"a": ROW, "b": row("b")}, tokens=(token(),)
    ) as place:
        headers = {"authorization": f"Bearer {TOKEN}"}
        for _ in range(2):
            await place.ask(headers=headers)
        async with place.client.get(place.server.url + "/metrics") as page:
            assert page.status == 401
        async with place.client.get(place.server.url + "/nothing/" + LONG_KEY, headers=headers) as page:
            assert page.status == 404
        samples, _ = await scraped(place)

    assert samples["racer_races_total", ("won", "all")] == 2
    assert samples["racer_lanes_total", ("m", "won", "a", "none")] == 2
    assert samples["racer_lanes_total", ("m", "failed", "b", "rate")] == 1
    assert samples["racer_cooldowns_total", ("b", "rate", "account")] == 1
    assert samples["racer_provider_available", ("a",)] == 1
    assert samples["racer_provider_available", ("b",)] == 0
    assert samples["racer_cooldown_active", ("b",)] == 1
    assert samples["racer_http_requests_total", ("/v1/chat/completions", "200", "team")] == 2
    assert samples["racer_http_requests_total", ("none", "404", "none")] == 1
    assert samples["racer_http_requests_total", ("/metrics", "401", "none")] == 1
    assert samples["racer_lane_seconds_count", ("a",)] == 2
    assert samples["racer_lane_seconds_bucket", ("+Inf", "a")] == 2
    assert samples["racer_token_tokens_total", ("output", "team")] > 0
    assert samples["racer_store_available", ()] == 1
    assert samples["racer_build_info", (version(),)] == 1
    assert not any(LONG_KEY in value for _, labels in samples for value in labels)


@pytest.mark.anyio
@pytest.mark.real_time
async def test_limits(tmp_path: Path) -> None:
    """The share that is used, as `racer usage` has it."""
    async with kept(tmp_path) as place:
        await place.ask()
        await until_written(place)
        samples, _ = await scraped(place)

    assert samples["racer_quota_used_ratio", ("a:A_KEY", "", "a", "requests", "day")] == 0.01


@pytest.mark.anyio
@pytest.mark.real_time
async def test_every_name_is_told_and_documented(tmp_path: Path) -> None:
    """The list of docs/server.md is the list: names, types and labels."""
    async with kept(tmp_path) as place:
        for fact in (*WON, CacheHit("r", "k", 1.0, shared=False), CoolDownStarted("r", "key a:K", 1, 1, "x")):
            place.server.house.watch(fact)
        await place.ask()
        _, types = await scraped(place)

    listed = {
        name: (kind, tuple(re.findall(r"`([a-z]+)`", labels)))
        for name, kind, labels in _ROW.findall(PAGE.read_text("utf-8"))
    }
    ours = {name.removesuffix("_total"): kind for name, (kind, _) in listed.items()}
    assert {name: labels for name, (_, labels) in listed.items()} == {
        each.name: each.labels for each in SHOWN
    }
    assert {name: kind for name, kind in types.items() if name.startswith("racer_")} == ours


def test_limits_with_the_same_labels() -> None:
    """Prometheus takes each row once: that which is used more."""
    ratios = used_ratios(
        [gauge(10.0), gauge(30.0), gauge(1.0, per="minute"), gauge(9.0, expired=True, per="x")]
    )

    assert ratios == {
        ("a", "a:A_KEY", "", "requests", "day"): 0.3,
        ("a", "a:A_KEY", "", "requests", "minute"): 0.01,
        ("a", "a:A_KEY", "", "requests", "x"): 1.0,
    }
    assert used_ratios([gauge(10.0)._replace(current=False), gauge(1.0, limit=0.0)]) == {}


@pytest.mark.parametrize("name", SHOWN, ids=lambda name: name.name)
def test_names(name: Name) -> None:
    """As Prometheus wants them: a unit, `_total` for what only grows."""
    assert re.fullmatch(r"racer_[a-z_]+", name.name)
    assert name.help.endswith(".")
    assert len(set(name.labels)) == len(name.labels)
