"""Forms with a file, multipart/form-data, as browsers and mobile apps send them; refused in Django's words.

A form is split at its boundary in one pass, with bounds for the parts, their headers and their texts. The standard
library's parser of e-mails would split a photo into lines: millions of them, if somebody wants it so.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.errors import ParseError, PayloadTooLarge, ValidationError
from shared.http import fields

MEDIA_TYPE = "multipart/form-data"
PARTS_MAX = 16
HEADER_BYTES_MAX = 2_048  # of one part
TEXT_BYTES_MAX = 64 * 1024  # of all texts together; nobody reads them, and the rest is left out
OVERHEAD_BYTES_MAX = TEXT_BYTES_MAX + PARTS_MAX * (HEADER_BYTES_MAX + 256)  # a form, without its file

PARAMETER = re.compile(r""";\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*+)"|([^\s;"]*))""")
BOUNDARY = re.compile(r"[ -~]{0,199}[!-~]")
END_OF_DELIMITER = re.compile(rb"(--)?[ \t]*(?:\r\n|\Z)|--")

MISSING = "No file was submitted."
NOT_A_FILE = "The submitted data was not a file. Check the encoding type on the form."
EMPTY = "The submitted file is empty."


@dataclass(slots=True)
class Form:
    """Texts and files by the names of their parts; of two parts with one name the last counts, as in Django."""

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


class FileField(NamedTuple):
    """A required file, in a part with one of these names."""

    names: tuple[str, ...]
    size_bytes_max: int
    too_large: str  # the text of the 413

    @property
    def body_bytes_max(self) -> int:
        return self.size_bytes_max + OVERHEAD_BYTES_MAX

    def read(self, form: Form) -> bytes:
        """The file; ValidationError without one, or if a text of the form is card data."""
        fields.validate({}, form.texts)
        name = next((name for name in self.names if name in form.files), None)
        if name is None:
            sent = next((name for name in self.names if name in form.texts), None)
            raise ValidationError({sent or self.names[0]: [NOT_A_FILE if sent else MISSING]})
        if not form.files[name]:
            raise ValidationError({name: [EMPTY]})
        if len(form.files[name]) > self.size_bytes_max:
            raise PayloadTooLarge(self.too_large)
        return form.files[name]


def is_form(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == MEDIA_TYPE


def parse_form(raw: bytes, content_type: str) -> Form:
    """The parts of a form; ParseError if it has no boundary or exceeds a bound. A part that is cut short is none."""
    form, text_bytes_left = Form(), TEXT_BYTES_MAX
    for part in _parts(raw, _boundary(content_type)):
        header, content = _split_header(part)
        disposition = _parameters(header.get("content-disposition", ""))
        name = disposition.get("name")
        if name is None:
            continue
        if header.get("content-transfer-encoding", "").strip().lower() == "base64":
            content = _from_base64(content)
        if disposition.get("filename") or disposition.get("filename*"):
            form.files[name] = content
        else:
            form.texts[name] = content[:text_bytes_left].decode("utf-8", "replace")
            text_bytes_left = max(text_bytes_left - len(content), 0)
    return form


def _boundary(content_type: str) -> bytes:
    boundary = _parameters(content_type).get("boundary")
    if not boundary or not BOUNDARY.fullmatch(boundary):
        raise _malformed(f"Invalid boundary in multipart: {boundary}")
    return boundary.encode()


def _parts(raw: bytes, boundary: bytes) -> list[bytes]:
    """What stands between two delimiters. Text before the first and after the last one is ignored."""
    delimiter, parts = b"\r\n--" + boundary, list[bytes]()
    body = b"\r\n" + raw  # the first delimiter has no line before it
    start, at = None, body.find(delimiter)
    for _ in range(PARTS_MAX + 1):
        if at < 0:
            return parts
        end = END_OF_DELIMITER.match(body, at + len(delimiter))
        if end:
            if start is not None:
                parts.append(body[start:at])
            if end[0].startswith(b"--"):
                return parts
            start = end.end()
        # Of the line break behind a delimiter the next delimiter may be the second user: an empty part.
        at = body.find(delimiter, end.end() - 2 if end else at + 1)
    raise _malformed(f"The form has more than {PARTS_MAX} parts.")


def _split_header(part: bytes) -> tuple[dict[str, str], bytes]:
    """A part's header, with names in lower case, and its content."""
    end = part.find(b"\r\n\r\n", 0, HEADER_BYTES_MAX + 4)
    if end < 0:
        if len(part) > HEADER_BYTES_MAX:
            raise _malformed("Request max total header size exceeded.")
        return {}, b""
    lines = re.sub(rb"\r\n[ \t]+", b" ", part[:end]).decode("utf-8", "replace").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value for name, _, value in pairs}, part[end + 4 :]


def _parameters(value: str) -> Mapping[str, str]:
    """The parameters of a header: `form-data; name="image"` has a `name`."""
    found = {}
    for name, quoted, plain in PARAMETER.findall(value):
        found[name.lower()] = re.sub(r"\\(.)", r"\1", quoted) or plain
    return found


def _from_base64(content: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(content.split()), validate=True)
    except binascii.Error:
        raise _malformed("Could not decode base64 data.") from None


def _malformed(text: str) -> ParseError:
    return ParseError(f"Multipart form parse error - {text}")
