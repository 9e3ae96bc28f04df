"""Writes docs/commands.md (`make docs`) from the commands themselves.

A test compares the two, so the page cannot fall behind.
"""

from collections.abc import Iterator

import click

from edge.__main__ import main as edge_main
from gateway.__main__ import main as gateway_main
from simulators.__main__ import main as sim_main

PROGRAMS = {"plomba-edge": edge_main, "plomba-gateway": gateway_main, "plomba-sim": sim_main}


def leaves(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with the words that call it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is not None:
            yield from leaves(f"{path} {name}", found)


def page() -> str:
    """The whole document."""
    parts = ["# Commands\n\nMade by `make docs` from the programs' own help."]
    for program, group in PROGRAMS.items():
        parts.append(f"## {program}\n\n{_help(group)}")
        parts += [_section(path, command) for path, command in leaves(program, group)]
    return "\n\n".join(parts) + "\n"


def _section(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    rows = [
        record
        for parameter in command.params
        if (record := parameter.get_help_record(context)) is not None
    ]
    table = "\n".join(f"| `{_cell(names)}` | {_cell(text)} |" for names, text in rows)
    options = f"\n\n| option | |\n|---|---|\n{table}" if rows else ""
    return f"### {path}\n\n`{usage}`\n\n{_help(command)}{options}"


def _help(command: click.Command) -> str:
    return "\n".join(line.strip() for line in (command.help or "").strip().splitlines())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    click.echo(page(), nl=False)
