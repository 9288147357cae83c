"""The command `racer`, as a process begins it: ctrl-C ends it quietly while most of it is yet to be loaded.

Whoever imports this loads next to nothing: an interrupt can be caught from `main` on, and not before.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # `typing` takes longer to load than all that is loaded here
if TYPE_CHECKING:
    from collections.abc import Sequence
    from sys import UnraisableHookArgs

    from racer.cli.shell import Shell

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None, shell: Shell | None = None) -> int:
    """Run one command line and give its exit code. `argv` and `shell` default to the process's own.

    With a shell of the process, it does not return from ctrl-C: the process has ended.
    """
    if shell is None:
        sys.unraisablehook = _passed_over
    try:
        from racer.cli.program import perform

        code = perform(argv, shell)
    except KeyboardInterrupt:
        code = INTERRUPTED
    if shell is None and code == INTERRUPTED:
        # Python would die of the signal after all where it came in code that was compiled from a string,
        # as the methods of dataclasses are.
        os._exit(code)
    return code


def _passed_over(what: UnraisableHookArgs) -> None:
    """An interrupt where nothing may be raised, as in callbacks of the import system, ends it too."""
    if what.exc_type is KeyboardInterrupt:
        os._exit(INTERRUPTED)
    sys.__unraisablehook__(what)
