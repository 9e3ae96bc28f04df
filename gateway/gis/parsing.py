"""XML from a foreign server, read so that it can do nothing but be read.

The parser is the standard library's expat, driven by hand: SOAP forbids document types, so any
DOCTYPE is refused, and with it every entity, internal or external; nothing is ever fetched.
Depth and number of elements are bounded, as is the size by whoever reads the answer. lxml would
have to be told each of these refusals, and be installed for this alone.
"""

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from gateway.gis.model import GisError

# Envelope, body, result, device, values, value, resource, code: half of this.
DEPTH_MAX = 32
# A page of a thousand devices with two months of daily values has about half of it.
ELEMENTS_MAX = 2_000_000


def parsed(data: bytes) -> Element:
    """The root element of a document; GisError for anything that is not plain XML."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(data, True)
    except GisError:
        raise
    # An encoding that Python does not have is a LookupError, one of several bytes a ValueError.
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise GisError(f"the answer is not XML: {error}") from error
    return reader.builder.close()


class _Reader:
    def __init__(self) -> None:
        self.builder = TreeBuilder()
        self._depth = 0
        self._count = 0

    def doctype(self, name: str, *_declared: object) -> None:
        raise GisError(f"expected a SOAP message, got a document type {name!r}, which SOAP forbids")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._count += 1
        if self._depth > DEPTH_MAX or self._count > ELEMENTS_MAX:
            raise GisError(
                f"expected at most {ELEMENTS_MAX} elements {DEPTH_MAX} deep, got a larger answer"
            )
        told = {_qualified(key): value for key, value in attributes.items()}
        self.builder.start(_qualified(name), told)

    def end(self, name: str) -> None:
        self._depth -= 1
        self.builder.end(_qualified(name))

    def text(self, data: str) -> None:
        self.builder.data(data)


def _qualified(name: str) -> str:
    return f"{{{name}" if "}" in name else name
