"""Failed uploads as staff see them."""

from typing import Literal, cast

from typing_extensions import TypedDict

from shared.staff.uploads import FailedUpload


class ReplayedUploadBody(TypedDict):
    """An upload in the queue. It was `sent` again; or its photo has `finished`, or the upload is `gone`, and it left
    the queue; or it stays for `later`: try again in five minutes."""

    photo: str
    failed_at: str
    error: str
    outcome: Literal["sent", "finished", "gone", "later"]


class ReplayedUploadsBody(TypedDict):
    """The oldest uploads of the queue, at most 50; none if it is empty."""

    uploads: list[ReplayedUploadBody]


def serialize_uploads(uploads: list[FailedUpload]) -> ReplayedUploadsBody:
    return {
        "uploads": [
            {
                "photo": upload.photo,
                "failed_at": upload.failed_at,
                "error": upload.error,
                "outcome": cast(Literal["sent", "finished", "gone", "later"], upload.outcome),
            }
            for upload in uploads
        ]
    }
