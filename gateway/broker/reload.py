"""Telling the broker to read its rules again: a signal to its process, or a command.

mosquitto reads rules, certificates and revocations anew on SIGHUP and keeps every connection.
"""

import asyncio
import os
import signal
from pathlib import Path

from gateway.broker.model import RulesError

# `systemctl reload` answers in well under a second; one that hangs must not hold the rules up.
RELOAD_S_MAX = 20.0
_SAID_CHARS_MAX = 200


async def by_signal(pid_file: Path) -> None:
    """SIGHUP to the process of a pid file; RulesError if there is none."""
    try:
        os.kill(_pid(pid_file), signal.SIGHUP)
    except (OSError, ValueError) as error:
        raise RulesError(f"cannot tell the broker of {pid_file} to reload: {error}") from error


def _pid(file: Path) -> int:
    pid = int(file.read_text(encoding="ascii"))
    # 0 and -1 would mean whole groups of processes, 1 is the system's own.
    if pid <= 1:
        raise ValueError(f"expected a process's number, got {pid}")
    return pid


async def by_command(words: tuple[str, ...]) -> None:
    """Run a command; RulesError with what it said unless it ends with 0 in time."""
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise RulesError(f"cannot run {words[0]}: {error.strerror}") from error
    try:
        async with asyncio.timeout(RELOAD_S_MAX):
            _, said = await process.communicate()
    except TimeoutError:
        raise RulesError(f"{words[0]} did not end within {RELOAD_S_MAX:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        told = said.decode(errors="replace").strip()[:_SAID_CHARS_MAX]
        raise RulesError(f"{words[0]} ended with {process.returncode}: {told or 'nothing said'}")
