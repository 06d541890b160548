"""The type of a photo is taken for what it means, however it is written."""

import pytest

from shared.errors import ValidationError
from shared.http import fields
from shared.images import uploads


@pytest.mark.parametrize(
    ("written", "content_type"),
    [
        ("image/jpg", "image/jpeg"),
        ("IMAGE/JPEG", "image/jpeg"),
        ("Image/JPG", "image/jpeg"),
        ("image/pjpeg", "image/jpeg"),
        ("image/jpeg; charset=binary", "image/jpeg"),
        ("image/jpeg;q=0.9;x", "image/jpeg"),
        ("image/jpeg ; charset=binary", "image/jpeg"),
        ("  image/jpeg\t", "image/jpeg"),
        ("image/x-png", "image/png"),
        ("IMAGE/PNG", "image/png"),
        ("image/webp; charset=utf-8", "image/webp"),
        ("image/avif-sequence", "image/avif"),
        ("image/heif", "image/heic"),
        ("image/HEIC", "image/heic"),
    ],
)
def test_any_writing_of_a_type_means_the_type(written: str, content_type: str) -> None:
    assert fields.validate(uploads.UPLOAD_FIELDS, {"content_type": written})["content_type"] == content_type


@pytest.mark.parametrize("written", ["image/gif", "IMAGE/BMP", "image/jpgx; a=b", "video/mp4", ""])
def test_unknown_type_is_quoted_as_it_was_written(written: str) -> None:
    with pytest.raises(ValidationError) as refused:
        fields.validate(uploads.UPLOAD_FIELDS, {"content_type": written})
    assert refused.value.fields == {"content_type": [f'"{written}" is not a valid choice.']}


def test_every_other_name_leads_to_a_type_of_the_form() -> None:
    assert set(uploads.OTHER_NAMES.values()) <= set(uploads.CONTENT_TYPES)
    assert not set(uploads.OTHER_NAMES) & set(uploads.CONTENT_TYPES)
