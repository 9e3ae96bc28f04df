"""What a page answers when it does not do what was asked: a kind with a text, and a status."""


class NotDone(Exception):
    """Refused: `kind` names the text in `texts.py`, `detail` is put into it."""

    def __init__(self, kind: str, status: int = 400, detail: str = "") -> None:
        super().__init__(kind)
        self.kind, self.status, self.detail = kind, status, detail
