"""The simulator in a process of its own, and lanes that lead to it: what every benchmark stands on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from racer import Config
from racer.core.provider import Account, Model, Provider

if TYPE_CHECKING:
    from collections.abc import Generator

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


@dataclass(frozen=True)
class Simulated:
    url: str

    def get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(self.url + path, timeout=10) as response:
            found: dict[str, Any] = json.loads(response.read())
        return found

    def reset(self) -> None:
        request = urllib.request.Request(f"{self.url}/sim/reset", method="POST")
        urllib.request.urlopen(request, timeout=10).close()

    def config(self, *names: str) -> Config:
        return Config(providers=tuple(self.provider(name) for name in names))

    def provider(self, name: str) -> Provider:
        return Provider(
            name=name,
            dialect="openai",
            base_url=f"{self.url}/{name}/v1",
            models=(Model("m"),),
            accounts=(Account(name),),
        )


@contextmanager
def simulator(profile: str) -> Generator[Simulated]:
    """`racer sim --profile PROFILE` until the block is left."""
    command = [sys.executable, "-m", "racer", "sim", "--profile", profile, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := ADDRESS.search(line):
                yield Simulated(found[0])
                break
        else:
            raise RuntimeError("the simulator did not start")
    finally:
        process.terminate()
        process.communicate()
