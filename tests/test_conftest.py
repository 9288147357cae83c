"""The guards of conftest.py, tried on tests that are bad on purpose, in a pytest of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

HERE = Path(__file__).parent

BAD_AND_GOOD = """
import asyncio, gc, socket, threading, time
import anyio, hypothesis, pytest
from hypothesis import strategies

pytestmark = pytest.mark.anyio
kept = []

async def test_leaves_a_task():
    kept.append(asyncio.create_task(asyncio.sleep(3600)))

async def test_leaves_a_timer():
    asyncio.get_running_loop().call_later(3600, print)

async def test_leaves_a_socket():
    kept.append(socket.create_server(("127.0.0.1", 0)))

def test_leaves_a_socket_without_a_loop():
    kept.append(socket.create_server(("127.0.0.1", 0)))

def test_leaves_a_thread():
    thread = threading.Thread(target=time.sleep, args=(10,), daemon=True)
    kept.append(thread)
    thread.start()

@hypothesis.given(strategies.integers())
@hypothesis.settings(max_examples=1, database=None, phases=[hypothesis.Phase.generate])
async def test_leaves_a_task_in_an_example(number):
    kept.append(asyncio.create_task(asyncio.sleep(3600)))

@pytest.fixture
async def service():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 3600)
        yield
        group.cancel_scope.cancel()

async def test_works_with_a_fixture_that_has_a_task(service):
    pass

async def test_leaves_a_task_beside_a_fixture(service):
    kept.append(asyncio.create_task(asyncio.sleep(3600)))

async def test_cleans_up():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 1)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
    thread = threading.Thread(target=time.sleep, args=(0.01,))
    thread.start()

async def test_is_on_virtual_time():
    await anyio.sleep(7 * 24 * 3600)
    assert anyio.current_time() == 7 * 24 * 3600

@pytest.mark.real_time
async def test_is_on_the_true_clock():
    assert anyio.current_time() > 0
    await anyio.sleep(0.001)

async def test_is_in_debug_mode():
    assert asyncio.get_running_loop().get_debug()

def test_connects_outside():
    with socket.socket() as client:
        client.connect(("192.0.2.1", 80))

def test_sends_outside():
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.sendto(b"x", ("192.0.2.1", 53))

@pytest.mark.real_time
async def test_connects_outside_in_the_loop():
    await anyio.connect_tcp("192.0.2.1", 80)

def test_looks_a_name_up():
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("example.org", 80)
    assert socket.getaddrinfo("localhost", 80)

def test_warns():
    import warnings
    warnings.warn("old")

async def test_forgets_to_await():
    asyncio.sleep(1)
    gc.collect()
"""

EXPECTED = {
    "test_leaves_a_task": "<Task ",
    "test_leaves_a_timer": "<TimerHandle",
    "test_leaves_a_socket": "<socket.socket fd=",
    "test_leaves_a_socket_without_a_loop": "<socket.socket fd=",
    "test_leaves_a_thread": "<Thread(",
    "test_leaves_a_task_in_an_example": "outlives the test",
    "test_works_with_a_fixture_that_has_a_task": None,
    "test_leaves_a_task_beside_a_fixture": "outlives the test",
    "test_cleans_up": None,
    "test_is_on_virtual_time": None,
    "test_is_on_the_true_clock": None,
    "test_is_in_debug_mode": None,
    "test_connects_outside": "Outbound",
    "test_sends_outside": "Outbound",
    "test_connects_outside_in_the_loop": "Outbound",
    "test_looks_a_name_up": None,
    "test_warns": "UserWarning",
    "test_forgets_to_await": "never awaited",
}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each of the tests above was failed for; empty for those that passed."""
    folder = tmp_path_factory.mktemp("guarded")
    shutil.copy(HERE / "conftest.py", folder)
    shutil.copy(HERE.parent / "pyproject.toml", folder)
    (folder / "test_guarded.py").write_text(BAD_AND_GOOD)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--junitxml=seen.xml",
        "test_guarded.py",
    ]
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    seen: dict[str, str] = {}
    for case in ET.parse(folder / "seen.xml").iter("testcase"):
        name = case.get("name", "")
        seen[name] = seen.get(name, "") + "".join(found.text or "" for found in case)
    return seen


@pytest.mark.parametrize("name", EXPECTED)
def test_guards_fail_what_they_should_and_nothing_else(name: str, complaints: dict[str, str]) -> None:
    """A test that leaves something behind, warns or calls outside fails with that; any other passes."""
    expected = EXPECTED[name]

    if expected is None:
        assert complaints[name] == ""
    else:
        assert expected in complaints[name]


def test_every_bad_test_is_expected(complaints: dict[str, str]) -> None:
    """The table above names each test of the text above."""
    assert set(complaints) == set(EXPECTED)
