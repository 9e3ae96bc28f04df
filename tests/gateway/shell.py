"""The gateway's commands as a person types them: what they print, and how they refuse."""

from pathlib import Path

from click.testing import CliRunner, Result

from gateway.__main__ import main
from tests.servers.ledgers import of_data


def run(*arguments: object) -> Result:
    words = [str(argument) for argument in arguments]
    env = of_data(Path(words[words.index("--data") + 1])) if "--data" in words else {}
    return CliRunner().invoke(main, words, env=env)


def said(*arguments: object) -> str:
    """What a command printed, having succeeded."""
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr or repr(result.exception)
    return result.stdout


def refusal(*arguments: object) -> str:
    """The one line a refused command left on stderr."""
    result = run(*arguments)
    assert result.exit_code == 1, result.stdout
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr
