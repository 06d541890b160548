"""The queue of uploads that could not be processed: staff send them again once the reason is gone."""

import json
from typing import Any, NamedTuple

from shared.aws import sqs
from shared.aws.dynamodb import Insert, execute
from shared.deadline import Deadline
from shared.desk.actions import new_action
from shared.images.replay import LATER, SENT, replay_upload
from shared.settings import settings
from shared.triggers import uploaded_keys

UPLOADS_MAX = 50  # in one request
HIDDEN_S = 30  # from other requests, while this one works
RESERVE_S = 3.0  # of the time left, for the answer


class FailedUpload(NamedTuple):
    """An upload in the queue, the error that it failed with, and what became of it now."""

    photo: str
    failed_at: str
    error: str
    outcome: str


def replay_uploads(staff: str, reason: str, dry_run: bool = False) -> list[FailedUpload]:
    """Send the oldest uploads in the queue to the compressor again, with who and why.

    Those that are sent, or need it no more, leave the queue. A dry run says what it would do and changes nothing.
    """
    queue = settings().failed_uploads_queue
    found: list[FailedUpload] = []
    kept: list[sqs.Message] = []
    while len(found) < UPLOADS_MAX and Deadline.current().remaining_s > RESERVE_S:
        messages = sqs.receive(queue, HIDDEN_S)
        if not messages:
            break
        for message in messages:
            uploads = _replay(staff, reason, message.body, dry_run)
            found += uploads
            if dry_run or any(upload.outcome == LATER for upload in uploads):
                kept.append(message)
            else:
                sqs.delete(queue, message)
    for message in kept:
        sqs.show(queue, message)
    return found


def _replay(staff: str, reason: str, body: str, dry_run: bool) -> list[FailedUpload]:
    """Send the uploads of one message again; none if it is no event of the uploads' bucket."""
    try:
        record = json.loads(body)
        keys = list(uploaded_keys(record["requestPayload"]))
    except (ValueError, KeyError, TypeError):
        return []
    failed_at, error = _text(record.get("timestamp")), record.get("responsePayload")
    error_type = _text(error.get("errorType")) if isinstance(error, dict) else ""
    uploads = []
    for key in keys:
        photo, outcome = key.rpartition("/")[2], replay_upload(key, dry_run)
        if outcome == SENT and not dry_run:
            execute(Insert(new_action(staff, "replay_upload", photo, reason)))
        uploads.append(FailedUpload(photo, failed_at, error_type, outcome))
    return uploads


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
