"""Forms: what apps send is understood, everything else is refused in Django's words and within bounds."""

import base64
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
import requests

from shared.errors import PayloadTooLarge, ValidationError
from shared.http import fields, multipart
from shared.http.endpoint import Endpoint, Request, Response
from shared.http.multipart import FileField, Form, parse_form
from tests.support.lambda_events import LambdaContext, request_event

FILE = FileField(names=("image", "file", "photo"), size_bytes_max=1_000, too_large="Too large for a form.")
FORM = "multipart/form-data; boundary=xx"
PHOTO = b"\xff\xd8 \r\n--x\r\n\r\n--\0 photo \r\n"  # with everything that looks like the end of a part
Part = tuple[str, bytes]


def form(*parts: Part, end: bytes = b"--xx--\r\n") -> bytes:
    """A form of parts, each a header and a content, with the boundary `xx`."""
    return (
        b"".join(b"--xx\r\n" + header.encode() + b"\r\n\r\n" + content + b"\r\n" for header, content in parts) + end
    )


def disposition(name: str = "image", filename: str | None = "a.jpg") -> str:
    return f'Content-Disposition: form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")


def send(body: bytes, content_type: str = FORM) -> tuple[int, Any]:
    """The status and body of an endpoint that takes JSON or a form, and returns the length of the file."""
    endpoint = Endpoint(
        route=("POST", "/api/x"), body={"type": fields.Text(required=True)}, file=FILE, responses={200: dict}
    )
    handler = endpoint(lambda request: Response(200, {"bytes": None if request.file is None else len(request.file)}))
    event = request_event(body=base64.b64encode(body).decode(), is_base64=True, content_type=content_type)
    answer = handler(event, LambdaContext())
    return answer["statusCode"], json.loads(answer["body"])


# --- what apps send


@pytest.mark.parametrize(
    "header",
    [
        'Content-Disposition: form-data; name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg',
        "content-disposition: FORM-DATA; NAME=image; FILENAME=a.jpg",
        "Content-Disposition: form-data; name=\"image\"; filename*=UTF-8''%E0%A4%95.jpg",
        'Content-Disposition: form-data; filename="a; name=\\"file\\".jpg"; name="image"',
        'Content-Type: image/jpeg\r\nContent-Length: 3\r\nContent-Disposition: form-data; name="image"; filename="a"',
        'Content-Disposition: form-data;\r\n\tname="image";\r\n filename="folded.jpg"',
        'Content-Disposition: form-data; name="image"; filename="\u0915\u092e\u0940\u091c.jpg"',
        'Content-Disposition: form-data; name="image"; filename="content://media/external/images/1000"',
        'Content-Disposition: form-data; name="image"; filename="a.jpg"\r\nContent-Transfer-Encoding: binary',
    ],
)
def test_file_is_found_however_its_header_is_written(header: str) -> None:
    assert parse_form(form((header, PHOTO)), FORM).files == {"image": PHOTO}


@pytest.mark.parametrize("name", FILE.names)
def test_file_may_have_any_of_its_names(name: str) -> None:
    assert FILE.read(parse_form(form((disposition(name), PHOTO)), FORM)) == PHOTO


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data; boundary=xx",
        'Multipart/Form-Data; charset=utf-8; Boundary="xx"',
        "multipart/form-data;boundary=xx",
        "multipart/form-data ; boundary = xx",
        "multipart/form-data; boundary=xx; charset=UTF-8",
    ],
)
def test_boundary_is_found_however_the_type_is_written(content_type: str) -> None:
    assert send(form((disposition(), PHOTO)), content_type) == (200, {"bytes": len(PHOTO)})


@pytest.mark.parametrize("size", [1, 2, 3, 500, 1_000])
def test_file_of_any_bytes_arrives_whole(size: int) -> None:
    for filler in (b"\r", b"\n", b"\r\n", b"-", b"\r\n--", b"\0", b"x"):
        content = (filler * size)[:size]
        assert parse_form(form((disposition(), content)), FORM).files == {"image": content}


def test_form_of_requests_is_understood() -> None:
    files = {"image": ("IMG_0001.JPG", PHOTO, "image/jpg")}
    prepared = requests.Request("POST", "http://x/", files=files, data={"note": "two shirts"}).prepare()
    assert isinstance(prepared.body, bytes)
    assert parse_form(prepared.body, prepared.headers["Content-Type"]) == Form(
        {"note": "two shirts"}, {"image": PHOTO}
    )


@pytest.mark.parametrize(
    "boundary", ["----WebKitFormBoundary7MA4YWxk", "dart-http-boundary-_a+b/c.d", "a" * 70, "'(),:=?'"]
)
def test_boundaries_of_other_clients_are_understood(boundary: str) -> None:
    body = form((disposition(), PHOTO)).replace(b"--xx", b"--" + boundary.encode())
    assert parse_form(body, f'multipart/form-data; boundary="{boundary}"').files == {"image": PHOTO}


def test_text_around_the_parts_is_ignored() -> None:
    body = b"preamble\r\n" + form((disposition(), PHOTO), end=b"--xx--epilogue\r\n--xx\r\n")
    assert parse_form(body, FORM).files == {"image": PHOTO}


def test_last_of_two_parts_with_a_name_counts() -> None:
    body = form((disposition(), b"one"), (disposition(), b"two"), (disposition("file"), b"three"))
    assert FILE.read(parse_form(body, FORM)) == b"two"


@pytest.mark.parametrize("content", [b"/9j/\r\n4AAQ", b" /9j/4AAQ\r\n", b"/9j/4AAQ"])
def test_base64_part_is_decoded(content: bytes) -> None:
    header = f"{disposition()}\r\nContent-Transfer-Encoding: BASE64"
    assert parse_form(form((header, content)), FORM).files["image"] == b"\xff\xd8\xff\xe0\x00\x10"


def test_json_is_read_as_before() -> None:
    assert send(b'{"type":"card"}', "application/json") == (200, {"bytes": None})
    assert send(b"", "application/json") == (400, {"type": ["This field is required."]})
    assert send(b"x", "multipart/mixed; boundary=xx")[0] == 415


def test_endpoint_without_a_file_takes_no_form() -> None:
    endpoint = Endpoint(route=("POST", "/api/x"), body={"type": fields.Text()}, responses={200: dict})
    event = request_event(body="x", content_type=FORM)
    answer = endpoint(lambda request: Response(200))(event, LambdaContext())
    assert json.loads(answer["body"]) == {"detail": f'Unsupported media type "{FORM}" in request.'}


# --- what is refused

MISSING = {"image": ["No file was submitted."]}
NOT_A_FILE = ["The submitted data was not a file. Check the encoding type on the form."]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (b"", MISSING),
        (b"no form", MISSING),
        (form(), MISSING),
        (form((disposition("other"), PHOTO)), MISSING),
        (form((disposition("Image"), PHOTO)), MISSING),
        (form(('Content-Disposition: form-data; filename="a.jpg"', PHOTO)), MISSING),
        (form(("Content-Type: image/jpeg", PHOTO)), MISSING),
        (form((disposition(), PHOTO), end=b""), MISSING),
        (form((disposition(), PHOTO)).replace(b"\r\n", b"\n"), MISSING),
        (form((disposition(), PHOTO)).replace(b"--xx", b"--yy"), MISSING),
        (form((disposition(), b"")), {"image": ["The submitted file is empty."]}),
        (form((disposition("photo"), b"")), {"photo": ["The submitted file is empty."]}),
        (form((disposition("image", None), PHOTO)), {"image": NOT_A_FILE}),
        (form((disposition("file", None), b"")), {"file": NOT_A_FILE}),
        (form(('Content-Disposition: form-data; name="photo"; filename=""', b"x")), {"photo": NOT_A_FILE}),
    ],
)
def test_form_without_a_file_gets_djangos_text(body: bytes, errors: dict[str, Any]) -> None:
    assert send(body) == (400, errors)


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        (form(), "multipart/form-data", "Invalid boundary in multipart: None"),
        (form(), "multipart/form-data; boundary=", "Invalid boundary in multipart: "),
        (form(), 'multipart/form-data; boundary=""', "Invalid boundary in multipart: "),
        (form(), "multipart/form-data; boundary=\u0915", "Invalid boundary in multipart: \u0915"),
        (form(), f"multipart/form-data; boundary={'x' * 201}", f"Invalid boundary in multipart: {'x' * 201}"),
        (form(*[(disposition(), b"x")] * 17), FORM, "The form has more than 16 parts."),
        (b"\r\n--xx?" * 100, FORM, "The form has more than 16 parts."),
        (form((f"X: {'x' * 3_000}\r\n{disposition()}", b"x")), FORM, "Request max total header size exceeded."),
        (form(("x" * 3_000, b"")).replace(b"\r\n\r\n", b""), FORM, "Request max total header size exceeded."),
        (
            form((f"{disposition()}\r\nContent-Transfer-Encoding: base64", b"***")),
            FORM,
            "Could not decode base64 data.",
        ),
        (
            form((f"{disposition()}\r\nContent-Transfer-Encoding: base64", b"abc")),
            FORM,
            "Could not decode base64 data.",
        ),
    ],
)
def test_malformed_form_is_a_parse_error(body: bytes, content_type: str, text: str) -> None:
    assert send(body, content_type) == (400, {"detail": f"Multipart form parse error - {text}"})


@pytest.mark.parametrize("size", [1_001, 5_000, multipart.OVERHEAD_BYTES_MAX, 200_000, 1_000_000])
def test_file_over_the_limit_is_413_with_its_own_text(size: int) -> None:
    assert send(form((disposition(), b"x" * size))) == (413, {"detail": FILE.too_large, "code": "too_large"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("note", "4111 1111 1111 1111"),
        ("cvv", "123"),
        ("card[number]", "4242"),
        ("file", "5555555555554444"),
        ("\u0915", "\u0664111111111111111"),
    ],
)
def test_card_data_in_a_text_is_refused(name: str, text: str) -> None:
    body = form((disposition(), PHOTO), (disposition(name, None), text.encode()))
    assert send(body) == (400, {name: [fields.CARD_REFUSED]})


def test_ordinary_texts_beside_the_file_are_ignored() -> None:
    texts = [(disposition(name, None), b"98765 43210 / 91234 56789") for name in ("title", "order", "image", "x")]
    assert send(form(*texts, (disposition("file"), PHOTO))) == (200, {"bytes": len(PHOTO)})


# --- bounds


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "line feeds": lambda size: form((disposition(), b"\n" * size)),
    "line breaks": lambda size: form((disposition(), b"\r\n" * (size // 2))),
    "almost boundaries": lambda size: form((disposition(), b"\r\n--x" * (size // 5))),
    "hyphens": lambda size: b"-" * size,
    "parameters": lambda size: form(*[("Content-Disposition: " + ';a="' * 500, b"x")] * 16),
    "semicolons": lambda size: form(*[("Content-Disposition: " + ";" * 2_000, b"x")] * 16),
    "folded lines": lambda size: form(*[("a:\r\n " + "\r\n " * 600, b"x")] * 16),
    "texts": lambda size: form(*[(disposition(f"t{number}", None), b"1 " * (size // 32)) for number in range(16)]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_form_is_read_within_bounds(name: str) -> None:
    """Each of its bytes is looked at a few times only: no list grows with them, and texts are cut."""
    parsed = parse_form(HOSTILE[name](4 * 1024 * 1024), FORM)
    assert len(parsed.files) + len(parsed.texts) <= multipart.PARTS_MAX
    assert sum(map(len, parsed.texts.values())) <= multipart.TEXT_BYTES_MAX


def test_mutated_forms_are_read_or_refused() -> None:
    """Bytes removed, repeated, changed and moved: never an exception but the API's own."""
    chance = random.Random(15)
    statuses = set()
    for _ in range(500):
        body = bytearray(form((disposition("note", None), b"two shirts"), (disposition(), PHOTO)))
        for _ in range(chance.randint(1, 6)):
            at, length = chance.randrange(len(body)), chance.randint(1, 20)
            cut = bytes(body[at : at + length])
            body[at : at + length] = chance.choice((b"", cut * 2, bytes(chance.choices(range(256), k=length))))
        statuses.add(send(bytes(body))[0])
    assert statuses == {200, 400}


def test_file_field_refuses_by_itself() -> None:
    with pytest.raises(PayloadTooLarge):
        FILE.read(Form(files={"image": b"x" * 1_001}))
    with pytest.raises(ValidationError):
        FILE.read(Form())


def test_request_without_a_form_has_no_file() -> None:
    received: list[Request] = []
    endpoint = Endpoint(route=("POST", "/api/x"), body={}, file=FILE, responses={200: dict})
    endpoint(lambda request: (received.append(request), Response(200))[1])(request_event(body="{}"), LambdaContext())
    assert received[0].file is None
