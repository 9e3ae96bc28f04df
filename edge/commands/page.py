"""`plomba-edge page`: the installer's page, served by the device itself.

A process of its own beside the agent: what serves pages (the extra `page`) is loaded with this
command, and the agent holds none of it.
"""

import asyncio
import re
from importlib.util import find_spec
from pathlib import Path

import click

from cloud_sync.points import PAGE_PORT
from edge.commands.common import config_option, config_path, log_to_stderr, one_line_errors
from edge.config import ConfigError, EdgeConfig

# All addresses: the access point's and a cable's come and go. The port is the label's.
DEFAULT = f"0.0.0.0:{PAGE_PORT}"
_EXTRA = ("jinja2", "python_multipart", "segno", "starlette", "typst", "uvicorn")
_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([^:\s/]{1,253})):([0-9]{1,5})")


def _listen(_: click.Context, __: click.Parameter, text: str) -> tuple[str, int]:
    match = _LISTEN.fullmatch(text)
    port = int(match[3]) if match is not None else 0
    if match is None or not 1 <= port <= 65535:  # noqa: PLR2004 - TCP's ports
        raise click.BadParameter(f"expected ADDRESS:PORT like {DEFAULT}, got {text!r}")
    return match[1] or match[2], port


@click.command("page")
@config_option
@click.option(
    "--listen",
    metavar="ADDR:PORT",
    default=DEFAULT,
    show_default=True,
    callback=_listen,
    help="Where to serve it.",
)
@click.option("--new-code", is_flag=True, help="Make a new code for the label and print it.")
@click.pass_context
@one_line_errors
def page(
    context: click.Context, config: EdgeConfig, *, listen: tuple[str, int], new_code: bool
) -> None:
    """Serve the installer's page until stopped; the code on the label opens it."""
    missing = [name for name in _EXTRA if not _is_there(name)]
    if missing:
        raise click.ClickException(
            f"the page needs {', '.join(missing)}:"
            " pip install --require-hashes -r requirements/edge-page.txt"
        )
    if new_code:
        click.echo(_new_code(config.device.state_dir))
        return
    log_to_stderr()
    from edge.page.serving import serve  # noqa: PLC0415 - the extra is loaded by this command alone

    asyncio.run(serve(config_path(context), *listen))


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _new_code(state_dir: Path) -> str:
    from edge.page.label import new_code  # noqa: PLC0415 - as above

    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return new_code(state_dir)
    except OSError as error:
        raise ConfigError(f"cannot write into {state_dir}: {error.strerror}") from error
