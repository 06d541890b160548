"""Photos while S3 fails and time passes: a bundle of their own, whose clock is moved and whose S3 breaks."""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from local.cloud import CREDENTIALS
from tests.app import IMAGES, App
from tests.conftest import Bundle
from tests.integration.test_photos import event, fetched, key_of, lying_in, small


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    running = Bundle(tmp_path_factory.mktemp("photos"))
    yield running
    running.stop()


@pytest.fixture
def app(broken: Bundle) -> Iterator[App]:
    yield App(broken)
    broken.fail_s3()


@pytest.fixture
def aws(broken: Bundle, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": broken.s3}.items():
        monkeypatch.setenv(name, value)
    return boto3.client


def failed_uploads(aws: Any, image_id: str) -> dict[str, Any]:
    """The record of one upload in the on-failure queue, waited for."""
    sqs = aws("sqs")
    url = sqs.get_queue_url(QueueName="FailedUploads")["QueueUrl"]
    for _ in range(60):
        got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
        for message in got.get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if image_id in message["Body"]:
                return dict(json.loads(message["Body"]))
    raise AssertionError("the upload is not in the on-failure queue")


def logged(bundle: Bundle, text: str, times: int) -> None:
    """Wait until the log says it so often."""
    for _ in range(600):
        if bundle.log_text().count(text) >= times:
            return
        time.sleep(0.05)
    raise AssertionError(f"the log does not say {text} {times} times")


@pytest.mark.parametrize("operation", ["ListObjectVersions", "GetObject", "PutObject"])
def test_a_fault_of_s3_that_passes_is_outlived_by_the_retry(operation: str, app: App, broken: Bundle) -> None:
    put_off = broken.log_text().count('"UploadPutOff":')
    broken.fail_s3(operation)
    ticket = app.photo_ticket()
    app.send(ticket, small())
    logged(broken, '"UploadPutOff":', put_off + 1)
    assert app.photo(ticket["id"])["status"] in ("awaiting_upload", "processing")
    broken.fail_s3()
    shown = app.followed(ticket["id"])
    assert shown["status"] == "ready" and len(fetched(shown)) == 4


def test_a_fault_that_stays_ends_in_the_on_failure_queue_and_the_photo_is_given_up(
    app: App, broken: Bundle, aws: Any
) -> None:
    broken.fail_s3("GetObject")
    ticket = app.photo_ticket()
    app.send(ticket, small())
    record = failed_uploads(aws, ticket["id"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"]["Records"][0]["s3"]["object"]["key"] == key_of(app, ticket["id"])
    assert app.photo(ticket["id"])["status"] == "processing"
    broken.clock(15 * 60)
    assert broken.invoke("SweepImages")["ImageProcessingFailed"] >= 1
    assert app.photo(ticket["id"])["reject"]["code"] == "processing_failed"
    # Sent again from the queue days later: the photo has come to its end.
    broken.fail_s3()
    assert broken.invoke("CompressImage", record["requestPayload"]) == {"uploads": 1}
    assert app.photo(ticket["id"])["status"] == "rejected"
    assert not [key for key in lying_in(aws, app) if key.startswith("out/")]


def test_a_failing_upload_is_counted_and_does_not_stop_the_next(app: App, broken: Bundle, aws: Any) -> None:
    broken.fail_s3("GetObject")
    stuck = app.photo_ticket()
    app.send(stuck, small())
    failed_uploads(aws, stuck["id"])
    broken.fail_s3()
    assert app.uploaded(small())["status"] == "ready"


def test_a_photo_deleted_while_its_variants_cannot_be_stored_leaves_nothing(
    app: App, broken: Bundle, aws: Any
) -> None:
    put_off = broken.log_text().count('"UploadPutOff":')
    broken.fail_s3("PutObject")
    ticket = app.photo_ticket()
    app.send(ticket, small())
    logged(broken, '"UploadPutOff":', put_off + 1)
    assert app.call("DELETE", f"{IMAGES}{ticket['id']}/").status_code == 204
    unwanted = broken.log_text().count('"outcome":"unwanted"')
    broken.fail_s3()
    logged(broken, '"outcome":"unwanted"', unwanted + 1)
    assert lying_in(aws, app) == []


def test_deleting_while_s3_is_away_is_answered_and_finished_by_the_sweeper(
    app: App, broken: Bundle, aws: Any
) -> None:
    shown = app.uploaded(small())
    broken.fail_s3("DeleteObject")
    assert app.call("DELETE", f"{IMAGES}{shown['id']}/").status_code == 204
    assert len(lying_in(aws, app)) == 5 and app.get(IMAGES)["count"] == 0
    broken.fail_s3()
    broken.clock(5 * 60)
    broken.invoke("SweepImages")
    assert lying_in(aws, app) == []
    broken.clock(115 * 60)
    assert broken.invoke("SweepImages")["ImagePurged"] >= 1


def test_a_photo_that_is_never_uploaded_expires_and_what_comes_later_is_removed(
    app: App, broken: Bundle, aws: Any
) -> None:
    ticket = app.photo_ticket()
    broken.clock(119 * 60)
    broken.invoke("SweepImages")
    assert app.photo(ticket["id"])["status"] == "awaiting_upload"
    broken.clock(2 * 60)
    assert broken.invoke("SweepImages")["ImageExpired"] >= 1
    shown = app.photo(ticket["id"])
    assert (shown["status"], shown["progress"], shown["poll_after_ms"]) == ("expired", 100, None)
    app.send(ticket, small())
    broken.invoke("CompressImage", event(key_of(app, ticket["id"])))
    assert lying_in(aws, app) == [] and app.photo(ticket["id"])["status"] == "expired"


def test_photos_are_there_again_after_a_stop_in_order(tmp_path: Any) -> None:
    first = Bundle(tmp_path)
    shown = App(first, first.customers[0]).uploaded(small())
    first.stop()
    second = Bundle(tmp_path)
    try:
        app = App(second, first.customers[0])
        assert len(fetched(app.photo(shown["id"]))) == 4
        assert app.uploaded(small("blue"))["status"] == "ready"
    finally:
        second.stop()
