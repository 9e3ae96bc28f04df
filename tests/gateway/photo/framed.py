"""The real recogniser, for photos on which somebody has framed the register."""

from typing import Any

from gateway.photo.recognition import Recogniser


class _Nowhere:
    """A finder that is not asked."""

    def candidates(self, _image: object) -> list[object]:
        return []


class Framed(Recogniser):
    """Reads with the model that ships."""

    def __init__(self) -> None:
        nowhere: Any = _Nowhere()
        super().__init__(nowhere)
