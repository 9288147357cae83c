"""What a fuzzer finds that knows /openapi.json: no answer may be a fault of the server, or not described.

    python benchmarks/fuzzing.py [--examples 100] [--seed 1] [--install]

`racer serve` with the simulator behind it, and schemathesis, which lives in an environment of its own that
--install makes. It tries what the description allows and what it forbids: each answer has a status, a type
and a body that the description names, a method that is not there is told which are, and none is a 5xx. One
stream has no end and is left out: /api/events. The same seed gives the same requests. Exit code 1 for any
finding.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile

from benchmarks.peers import environments
from benchmarks.servers import PROFILE, racer
from benchmarks.simulated import simulator

HOME = "schemathesis"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=100, help="of each route and kind (100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--install", action="store_true", help="make the environment of schemathesis first")
    given = parser.parse_args()
    print(" ".join(["python benchmarks/fuzzing.py", *sys.argv[1:]]))
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores", flush=True)
    if given.install and (why := environments.prepare([HOME])):
        print(f"schemathesis could not be installed: {why[HOME]}")
    program = environments.python_of(HOME).parent / "schemathesis"
    if not program.is_file():
        print("schemathesis is not installed, and so nothing is tried: --install does it")
        return 1
    with simulator(PROFILE) as sim, racer({name: f"{sim.url}/{name}/v1" for name in "abc"}) as served:
        with tempfile.TemporaryDirectory() as folder:
            command = [
                str(program), "run", f"{served.url}/openapi.json", "--phases", "examples,coverage,fuzzing",
                "--checks", ",".join(CHECKS), "--max-examples", str(given.examples),
                "--seed", str(given.seed),
                "--generation-database", "none", "--request-timeout", "30", "--continue-on-failure",
                "--exclude-path", "/api/events",
            ]  # fmt: skip
            done = subprocess.run(command, cwd=folder, check=False)
        failed = served.metric("racer_http_in_flight")
    print(f"  {'met    ' if not done.returncode else 'NOT MET'}  nothing was found")
    print(f"  {'met    ' if not failed else 'NOT MET'}  {failed:.0f} requests are in flight afterwards")
    return 1 if done.returncode or failed else 0


if __name__ == "__main__":
    sys.exit(main())
