"""The QR code of a verification link; segno draws it here, nothing is asked of anybody."""

import io

import segno

# Of four levels the second: a paper may be creased, and a code of this length stays readable when
# it is printed 25 mm wide.
_ERROR = "m"
# The quiet zone that ISO/IEC 18004 asks for around a code.
_BORDER = 4


def svg(url: str) -> bytes:
    """The code of `url` as an SVG picture without a size of its own."""
    out = io.BytesIO()
    code = segno.make(url, error=_ERROR, micro=False)
    code.save(out, kind="svg", border=_BORDER, xmldecl=True, omitsize=True, light="#fff")
    return out.getvalue()
