"""Servers in processes of their own for benchmarks/serving.py, and what the system tells of them.

As a program: `racer serve` with one page more, /bench, which tells what the process holds.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tracemalloc
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.environments import ROOT, python_of
from benchmarks.simulated import ADDRESS
from benchmarks.soak import sockets

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from aiohttp import web

    from racer.server.house import House
    from racer.server.visit import Visit

PROFILE = str(Path(__file__).parent / "profiles" / "serving.toml")
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = resource.getpagesize()
KEY = "for-this-machine-alone"
PROXY = "litellm-proxy"
PATIENCE = 180.0
ESTABLISHED = "01"


@dataclass(frozen=True)
class Served:
    """A server that listens. `headers` go with each request to it."""

    name: str
    url: str
    pid: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        text = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(text[11]) + int(text[12])) / TICKS

    def resident(self) -> float:
        """Megabytes of it that are in memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE / 1e6

    def clients(self) -> int:
        """Connections to it that are established, by the system's own table."""
        ours = f":{self.port:04X}"
        rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(row[1].endswith(ours) and row[3] == ESTABLISHED for row in rows)

    def holds(self) -> dict[str, float]:
        """Of the page /bench: tasks, sockets, bytes by Python's own count."""
        found: dict[str, float] = json.loads(get(f"{self.url}/bench"))
        return found

    def metric(self, name: str) -> float:
        lines = get(f"{self.url}/metrics").decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.split("{")[0].split(" ")[0] == name)


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        data: bytes = answer.read()
    return data


@contextmanager
def racer(lanes: Mapping[str, str], *, in_flight: int = 1000, traced: bool = False) -> Generator[Served]:
    """A server whose lanes are these, by name and base URL; its database is on disk."""
    rows = [
        f'[providers.{name}]\ndialect = "openai"\nbase_url = "{url}"\nmodels = [{{ name = "m" }}]\n'
        for name, url in lanes.items()
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "racer.toml"
        file.write_text(
            "\n".join([f"[race]\ndeadline = 300\n\n[server]\nport = 0\nmax_in_flight = {in_flight}\n", *rows])
        )
        command = [sys.executable, "-m", "benchmarks.servers", str(file), *(["traced"] if traced else [])]
        env = _environment(folder) | {"RACER_DB": f"{folder}/racer.db", "RACER_LOG": "off"}
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
        try:
            yield Served("racer", _address(process), process.pid)
        finally:
            _end(process)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := ADDRESS.search(line):
            return found[0]
    raise RuntimeError("the server did not start")


def _end(process: subprocess.Popen[Any]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _environment(folder: str) -> dict[str, str]:
    """Without keys and paths of ours."""
    return {"PATH": os.environ["PATH"], "HOME": folder, "TMPDIR": folder}


@contextmanager
def litellm(lanes: Mapping[str, str]) -> Generator[Served]:
    """LiteLLM's proxy with these lanes. Raises FileNotFoundError where it is not installed."""
    python = python_of(PROXY)
    if not (python.parent / "litellm").is_file():
        raise FileNotFoundError(python.parent / "litellm")
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        file = Path(folder) / "config.yaml"
        file.write_text(json.dumps(_deployments(lanes)))
        command = [str(python.parent / "litellm"), "--config", str(file), "--host", "127.0.0.1"]
        more = {
            "LITELLM_MASTER_KEY": f"sk-{KEY}",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
        }
        process = subprocess.Popen(
            [*command, "--port", str(port), "--telemetry", "False"],
            cwd=folder, env=_environment(folder) | more, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait(f"http://127.0.0.1:{port}/health/liveliness", process)
            headers = {"authorization": f"Bearer sk-{KEY}"}
            yield Served("LiteLLM", f"http://127.0.0.1:{port}", process.pid, headers)
        finally:
            _end(process)


def _deployments(lanes: Mapping[str, str]) -> dict[str, Any]:
    """As its own documentation sets it up for speed: without retries, and without lines for each request."""
    models = [
        {"model_name": name, "litellm_params": {"model": "openai/m", "api_base": url, "api_key": "k"}}
        for name, url in lanes.items()
    ]
    return {"model_list": models, "litellm_settings": {"num_retries": 0, "set_verbose": False}}


def _wait(url: str, process: subprocess.Popen[Any]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            get(url)
        except OSError:
            time.sleep(0.25)
        else:
            return
    raise RuntimeError(f"{url} did not answer")


# ---------------------------------------------------------------- the program


async def holding(house: House, visit: Visit) -> web.StreamResponse:
    gc.collect()
    held = sockets()
    tasks = len(asyncio.all_tasks())
    return visit.json({"tasks": tasks, "sockets": held, "traced": tracemalloc.get_traced_memory()[0]})


def main() -> None:
    from racer.config import load
    from racer.server.app import ROUTES, Route
    from racer.server.serving import serve

    if "traced" in sys.argv:
        tracemalloc.start()
    config = load(sys.argv[1])
    routes = (*ROUTES, Route("GET", "/bench", holding, public=True))
    asyncio.run(serve(config, config.server, lambda server: print(server.url, flush=True), routes=routes))


if __name__ == "__main__":
    main()
