"""What the server said, as one line."""

import psycopg


def one_line(error: psycopg.Error) -> str:
    """Its first line and what it adds, without the statement and without a line break."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith(("LINE ", "^", "CONTEXT:"))]
    return "; ".join(said) or type(error).__name__
