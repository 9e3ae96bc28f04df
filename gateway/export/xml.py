"""XML documents as bytes: built element by element, escaped by the library, the same every time.

Text that XML 1.0 cannot hold at all (control characters) is refused instead of written.
"""

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement, indent, register_namespace, tostring

from gateway.export.closed import ExportError

_UNSPEAKABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def child(parent: Element, name: str, text: str | None = None) -> Element:
    """A new last child of `parent`; ExportError for text that no XML can hold."""
    element = SubElement(parent, name)
    if text is not None:
        if _UNSPEAKABLE.search(text):
            raise ExportError(f"{name}: {text!r} has a character that XML cannot hold")
        element.text = text
    return element


def document(root: Element, prefixes: Mapping[str, str]) -> bytes:
    """The document of `root`, UTF-8, indented; `prefixes` maps namespaces to prefixes."""
    for space, prefix in prefixes.items():
        register_namespace(prefix, space)
    indent(root)
    text: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return text + b"\n"
