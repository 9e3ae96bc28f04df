"""Where a key in a token is: a `pkcs11:` URI (RFC 7512), read strictly.

Taken is what names one key and nothing else: token (or serial), object, module-path, pin-source. A
PIN stands in a file of its own and never in the URI; whoever writes one into it is told so without
the PIN being repeated. No I/O here.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

SCHEME = "pkcs11:"
NEXT = ".next"
"""What the name of a key ends with, in a token or a file, that is not in use yet."""
# PKCS#11 pads a token's label to 32 bytes and its serial number to 16; an object's label has no
# bound of its own. A path is a file's on Linux.
URI_CHARS_MAX = 8192
_BYTES_MAX = {"token": 32, "serial": 16, "object": 64, "module-path": 4096, "pin-source": 4096}
_PATH, _QUERY = ("token", "serial", "object"), ("module-path", "pin-source")
# RFC 7512, 2.3: what may stand in a value unescaped, of a path and, more, of a query.
_PLAIN = r"[A-Za-z0-9\-._~:\[\]@!$'()*+,=&]"
_VALUE = re.compile(rf"(?:{_PLAIN}|%[0-9A-Fa-f]{{2}})+")
_QUERY_VALUE = re.compile(rf"(?:{_PLAIN.replace('&', '/?|')}|%[0-9A-Fa-f]{{2}})+")
_NAME = re.compile(r"[a-z\-]{1,24}")


class TokenUriError(ValueError):
    """A URI that names no key; the text is one line and shows no value."""


class TokenUri(NamedTuple):
    """One key in one token, by the module that reaches it."""

    token: str
    serial: str
    object: str
    module_path: str
    pin_source: str

    def __str__(self) -> str:
        token = " ".join(part for part in (self.token, self.serial) if part)
        return f"token {token}, object {self.object}"


def is_token(text: object) -> bool:
    """Whether a configured key is meant to be in a token."""
    return isinstance(text, str) and text.lower().startswith(SCHEME)


def parse(text: str) -> TokenUri:
    """The key a URI names; TokenUriError otherwise."""
    if len(text) > URI_CHARS_MAX:
        raise TokenUriError(f"a pkcs11 URI has at most {URI_CHARS_MAX} characters")
    if not text.lower().startswith(SCHEME):
        raise TokenUriError("expected a URI that begins with pkcs11:")
    path, _, query = text[len(SCHEME) :].partition("?")
    found = _attributes(path, ";", _PATH, _VALUE) | _attributes(query, "&", _QUERY, _QUERY_VALUE)
    if not found.get("token") and not found.get("serial"):
        raise TokenUriError("a pkcs11 URI needs token= or serial=, which token it is")
    for name in ("object", "module-path", "pin-source"):
        if name not in found:
            raise TokenUriError(f"a pkcs11 URI needs {name}=")
    return TokenUri(
        token=found.get("token", ""),
        serial=found.get("serial", ""),
        object=found["object"],
        module_path=_file(found["module-path"], "module-path"),
        pin_source=_file(found["pin-source"].removeprefix("file:"), "pin-source"),
    )


def _attributes(
    text: str, between: str, known: tuple[str, ...], allowed: re.Pattern[str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(between) if text else []:
        name, equals, value = part.partition("=")
        if name == "pin-value":
            raise TokenUriError("a PIN does not stand in the URI: name its file with pin-source=")
        if not equals or name not in known:
            shown = f" {name}=" if equals and _NAME.fullmatch(name) else ""
            raise TokenUriError(f"unknown attribute{shown}, expected here {', '.join(known)}")
        if name in found:
            raise TokenUriError(f"{name}= stands there twice")
        found[name] = _value(name, value, allowed)
    return found


def _value(name: str, value: str, allowed: re.Pattern[str]) -> str:
    if not allowed.fullmatch(value):
        raise TokenUriError(f"{name}= is empty or holds a character that must be written as %XX")
    data = unquote_to_bytes(value)
    if len(data) > _BYTES_MAX[name]:
        raise TokenUriError(f"{name}= has at most {_BYTES_MAX[name]} bytes, got {len(data)}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise TokenUriError(f"{name}= is not UTF-8") from None
    if not text.isprintable():
        raise TokenUriError(f"{name}= holds a character that cannot be printed")
    return text


def _file(text: str, name: str) -> str:
    # RFC 7512 lets a pin-source be a command ("|…") or an address, which nobody here runs or asks.
    if not text.startswith("/"):
        raise TokenUriError(f"{name}= names a file by its whole path, from / on")
    return text
