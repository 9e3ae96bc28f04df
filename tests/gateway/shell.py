"""The gateway's commands as a person types them: what they print, and how they refuse."""

from click.testing import CliRunner, Result

from gateway.__main__ import main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def said(*arguments: object) -> str:
    """What a command printed, having succeeded."""
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def refusal(*arguments: object) -> str:
    """The one line a refused command left on stderr."""
    result = run(*arguments)
    assert result.exit_code == 1, result.stdout
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr
