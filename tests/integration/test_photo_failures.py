"""Photos while S3 fails and time passes: on a local stack of their own, whose clock moves and whose S3 fails."""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from local.aws import CREDENTIALS
from tests.integration.photo_helpers import fetch_variants, key_of, picture, send_form, stored_keys, upload_event
from tests.support.api_client import IMAGES, App
from tests.support.local_stack import LocalStack
from tests.support.staff_client import Desk

MINUTE_S = 60


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The stack whose S3 a test makes fail."""
    running = LocalStack(tmp_path_factory.mktemp("photos"))
    yield running
    running.stop()


@pytest.fixture
def app(failing: LocalStack) -> Iterator[App]:
    yield App(failing)
    failing.fail_s3()


@pytest.fixture
def aws(failing: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": failing.s3}.items():
        monkeypatch.setenv(name, value)
    return boto3.client


def wait_for_failure_record(aws: Any, image_id: str) -> dict[str, Any]:
    """The record of an upload in the on-failure queue."""
    sqs = aws("sqs")
    url = sqs.get_queue_url(QueueName="FailedUploads")["QueueUrl"]
    for _ in range(60):
        received = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
        for message in received.get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if image_id in message["Body"]:
                return dict(json.loads(message["Body"]))
    raise AssertionError("the upload is not in the on-failure queue")


def wait_for_log(local_stack: LocalStack, text: str, times: int) -> None:
    """Wait until the log contains a text this often."""
    for _ in range(600):
        if local_stack.log_text().count(text) >= times:
            return
        time.sleep(0.05)
    raise AssertionError(f"the log does not contain {text} {times} times")


@pytest.mark.parametrize("operation", ["ListObjectVersions", "GetObject", "PutObject"])
def test_transient_s3_failure_is_retried(operation: str, app: App, failing: LocalStack) -> None:
    retried = failing.log_text().count('"UploadRetried":')
    failing.fail_s3(operation)
    upload = app.create_upload()
    app.send(upload, picture())
    wait_for_log(failing, '"UploadRetried":', retried + 1)
    assert app.photo(upload["id"])["status"] in ("awaiting_upload", "processing")
    failing.fail_s3()
    body = app.wait_for_photo(upload["id"])
    assert body["status"] == "ready" and len(fetch_variants(body)) == 4


def test_form_that_s3_does_not_take_is_503_and_leaves_no_photo_waiting(
    app: App, failing: LocalStack, aws: Any
) -> None:
    """The app sends it again, and has one photo then."""
    failing.fail_s3("PutObject")
    refused = send_form(app, {"image": ("a.jpg", picture())})
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert [photo["status"] for photo in app.get(IMAGES)["results"]] == ["expired"]
    failing.fail_s3()
    sent_again = send_form(app, {"image": ("a.jpg", picture())}).json()
    assert app.wait_for_photo(sent_again["id"])["status"] == "ready"


def test_lasting_s3_failure_ends_in_the_queue_and_a_rejection(app: App, failing: LocalStack, aws: Any) -> None:
    failing.fail_s3("GetObject")
    upload = app.create_upload()
    app.send(upload, picture())
    record = wait_for_failure_record(aws, upload["id"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"]["Records"][0]["s3"]["object"]["key"] == key_of(app, upload["id"])
    assert app.photo(upload["id"])["status"] == "processing"
    failing.clock(15 * MINUTE_S)
    assert failing.invoke("SweepImages")["ImageProcessingFailed"] >= 1
    assert app.photo(upload["id"])["reject"]["code"] == "processing_failed"
    # The event is sent again from the queue days later, when the photo is finished.
    failing.fail_s3()
    assert failing.invoke("CompressImage", record["requestPayload"]) == {"uploads": 1}
    assert app.photo(upload["id"])["status"] == "rejected"
    assert not [key for key in stored_keys(aws, app) if key.startswith("out/")]


def queue_up(app: App, failing: LocalStack, aws: Any) -> dict[str, Any]:
    """A photo whose upload failed three times and is in the queue."""
    failing.fail_s3("GetObject")
    upload = app.create_upload()
    app.send(upload, picture())
    sqs = aws("sqs")
    url = sqs.get_queue_url(QueueName="FailedUploads")["QueueUrl"]
    for _ in range(600):
        waiting = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        if int(waiting["Attributes"]["ApproximateNumberOfMessages"]):
            failing.fail_s3()
            return upload
        time.sleep(0.05)
    raise AssertionError("the upload is not in the on-failure queue")


@pytest.mark.parametrize("is_rejected", [False, True])
def test_staff_send_failed_uploads_again(is_rejected: bool, app: App, failing: LocalStack, aws: Any) -> None:
    """Be it before the sweeper gave the photo up, or after."""
    upload, desk = queue_up(app, failing, aws), Desk(failing, "support")
    if is_rejected:
        failing.clock(15 * MINUTE_S)
        failing.invoke("SweepImages")
        assert app.photo(upload["id"])["reject"]["code"] == "processing_failed"
        assert replay(desk) == [(upload["id"], "later")], "the sweeper has just been there"
        failing.clock(2 * MINUTE_S)
    assert replay(desk, "?dry_run=true") == [(upload["id"], "sent")]
    assert app.photo(upload["id"])["status"] == ("rejected" if is_rejected else "processing")
    assert replay(desk) == [(upload["id"], "sent")]
    photo = app.wait_for_photo(upload["id"])
    assert photo["status"] == "ready" and len(fetch_variants(photo)) == 4
    assert replay(desk) == []


def test_photo_that_was_deleted_leaves_the_queue(app: App, failing: LocalStack, aws: Any) -> None:
    upload, desk = queue_up(app, failing, aws), Desk(failing, "support")
    assert app.call("DELETE", f"{IMAGES}{upload['id']}/").status_code == 204
    assert replay(desk) == [(upload["id"], "finished")] and replay(desk) == []


def replay(desk: Desk, query: str = "") -> list[tuple[str, str]]:
    answer = desk.call("POST", f"/uploads/replay/{query}", {"reason": "S3 answers again"})
    assert answer.status_code == 200, answer.text
    return [(upload["photo"], upload["outcome"]) for upload in answer.json()["uploads"]]


def test_failing_upload_does_not_stop_the_next(app: App, failing: LocalStack, aws: Any) -> None:
    failing.fail_s3("GetObject")
    stuck = app.create_upload()
    app.send(stuck, picture())
    wait_for_failure_record(aws, stuck["id"])
    failing.fail_s3()
    assert app.upload_photo(picture())["status"] == "ready"


def test_delete_while_variants_cannot_be_stored_leaves_no_objects(app: App, failing: LocalStack, aws: Any) -> None:
    retried = failing.log_text().count('"UploadRetried":')
    failing.fail_s3("PutObject")
    upload = app.create_upload()
    app.send(upload, picture())
    wait_for_log(failing, '"UploadRetried":', retried + 1)
    assert app.call("DELETE", f"{IMAGES}{upload['id']}/").status_code == 204
    discarded = failing.log_text().count('"outcome":"discarded"')
    failing.fail_s3()
    wait_for_log(failing, '"outcome":"discarded"', discarded + 1)
    assert stored_keys(aws, app) == []


def test_sweep_finishes_a_delete_that_s3_refused(app: App, failing: LocalStack, aws: Any) -> None:
    body = app.upload_photo(picture())
    failing.fail_s3("DeleteObject")
    assert app.call("DELETE", f"{IMAGES}{body['id']}/").status_code == 204
    assert len(stored_keys(aws, app)) == 5 and app.get(IMAGES)["count"] == 0
    failing.fail_s3()
    failing.clock(5 * MINUTE_S)
    failing.invoke("SweepImages")
    assert stored_keys(aws, app) == []
    failing.clock(115 * MINUTE_S)
    assert failing.invoke("SweepImages")["ImagePurged"] >= 1


def test_upload_after_its_photo_was_deleted_is_removed_by_the_sweeper(
    app: App, failing: LocalStack, aws: Any
) -> None:
    """Its form is still valid, and the compressor may remove nothing."""
    upload = app.create_upload()
    key = key_of(app, upload["id"])
    assert app.call("DELETE", f"{IMAGES}{upload['id']}/").status_code == 204
    for minutes, purged in ((5, 0), (115, 1)):
        discarded = failing.log_text().count('"outcome":"discarded"')
        assert app.send(upload, picture()).status_code == 204
        wait_for_log(failing, '"outcome":"discarded"', discarded + 1)
        failing.invoke("SweepImages")
        assert stored_keys(aws, app) == [key], "not due yet, and never compressed"
        failing.clock(minutes * MINUTE_S)
        assert failing.invoke("SweepImages")["ImagePurged"] == purged
        assert stored_keys(aws, app) == []
    assert app.get(IMAGES)["count"] == 0


def test_photo_without_upload_expires_and_a_late_upload_changes_nothing(
    app: App, failing: LocalStack, aws: Any
) -> None:
    """The next sweep removes it. It is never compressed."""
    upload = app.create_upload()
    failing.clock(119 * MINUTE_S)
    failing.invoke("SweepImages")
    assert app.photo(upload["id"])["status"] == "awaiting_upload"
    failing.clock(2 * MINUTE_S)
    assert failing.invoke("SweepImages")["ImageExpired"] >= 1
    body = app.photo(upload["id"])
    assert (body["status"], body["progress"], body["poll_after_ms"]) == ("expired", 100, None)
    app.send(upload, picture())
    key = key_of(app, upload["id"])
    assert failing.invoke("CompressImage", upload_event(key)) == {"uploads": 1}
    assert stored_keys(aws, app) == [key]
    failing.clock(24 * 60 * MINUTE_S)
    failing.invoke("SweepImages")
    assert stored_keys(aws, app) == []
    assert app.photo(upload["id"]) == body
    assert app.call("DELETE", f"{IMAGES}{upload['id']}/").status_code == 204
    assert stored_keys(aws, app) == []


def test_photos_survive_a_restart(tmp_path: Any) -> None:
    first = LocalStack(tmp_path)
    body = App(first, first.customers[0]).upload_photo(picture())
    first.stop()
    second = LocalStack(tmp_path)
    try:
        app = App(second, first.customers[0])
        assert len(fetch_variants(app.photo(body["id"]))) == 4
        assert app.upload_photo(picture("blue"))["status"] == "ready"
    finally:
        second.stop()
