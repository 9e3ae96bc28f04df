"""Signing by a program of the house's own: ГИС ЖКХ wants a qualified signature by GOST.

Which program, key and token that takes is theirs. It is given the request's element on stdin and
answers with the same element, signed, on stdout. What it gives back is believed only if it is
what it was given and a ds:Signature: nobody changes a reading on the way.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from xml.etree.ElementTree import canonicalize, tostring

from gateway.gis.model import GisError
from gateway.gis.parsing import parsed

DSIG = "http://www.w3.org/2000/09/xmldsig#"
# A signature with its certificates is some ten KiB, whatever the size of what is signed.
SIGNATURE_BYTES_MAX = 256 * 1024
# A program that fails says why in its first lines.
SAID_BYTES_MAX = 300


class CommandSigner:
    """Runs `command` (no shell) for each request, at most `timeout_s` long."""

    def __init__(self, command: Sequence[str], timeout_s: float) -> None:
        self._command = tuple(command)
        self._timeout_s = timeout_s

    async def __call__(self, body: bytes) -> bytes:
        """`body` with its signature; GisError where there is none."""
        most = len(body) * 2 + SIGNATURE_BYTES_MAX
        signed = await self._run(body, most)
        if len(signed) > most:
            raise GisError(f"the signer gave back more than {most} bytes for {len(body)}")
        _check(body, signed)
        return signed

    async def _run(self, body: bytes, most: int) -> bytes:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise GisError(f"cannot run the signer {self._command[0]}: {error.strerror}") from error
        try:
            async with asyncio.timeout(self._timeout_s):
                return await _answer(process, body, most)
        except TimeoutError:
            raise GisError(f"the signer gave no answer in {self._timeout_s:g} s") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                # What it had written must be read, or its end is never seen.
                await process.communicate()


async def _answer(process: asyncio.subprocess.Process, body: bytes, most: int) -> bytes:
    """What it writes, `most` bytes and one more at the most; GisError if it fails."""
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    if stdin is None or stdout is None or stderr is None:
        raise GisError("the signer was started without pipes")
    giving = asyncio.create_task(_give(stdin, body))
    try:
        out = await _first(stdout, most + 1)
        if len(out) > most:
            return out
        said = await _first(stderr, SAID_BYTES_MAX)
    finally:
        giving.cancel()
    if status := await process.wait():
        words = " ".join(said.decode(errors="replace").split())
        raise GisError(f"the signer failed with status {status}: {words}")
    return out


async def _give(stdin: asyncio.StreamWriter, body: bytes) -> None:
    """One that reads no further says why on its own."""
    with contextlib.suppress(ConnectionError):
        stdin.write(body)
        await stdin.drain()
    stdin.close()


async def _first(stream: asyncio.StreamReader, most: int) -> bytes:
    """Its first bytes; what is beyond them stays unread."""
    read = b""
    while len(read) < most and (chunk := await stream.read(most - len(read))):
        read += chunk
    return read


def _check(body: bytes, signed: bytes) -> None:
    """GisError unless `signed` is `body` with a signature added."""
    root = parsed(signed)
    signature = root.find(f"{{{DSIG}}}Signature")
    if signature is None:
        raise GisError("expected a ds:Signature in what the signer gave back, got none")
    root.remove(signature)
    # White space that only stood around the signature is no content.
    if _content(tostring(root)) != _content(tostring(parsed(body))):
        raise GisError("the signer gave back another request than it was given")


def _content(document: bytes) -> str:
    return canonicalize(document.decode(), strip_text=True, rewrite_prefixes=True)
