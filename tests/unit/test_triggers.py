"""Schedules, streams and uploads run within the time that Lambda leaves them, and each leaves a log line."""

import io
import json
from typing import Any

import pytest

from shared import clock, triggers
from shared.deadline import Deadline
from shared.errors import ServiceUnavailable
from shared.telemetry import log
from tests.support.lambda_events import LambdaContext


@pytest.fixture(autouse=True)
def output(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the logger wrote."""
    written = io.StringIO()
    monkeypatch.setattr(log.metrics.provider, "service", "garment-pay-test")
    monkeypatch.setattr(log.logger.registered_handler, "stream", written)
    return written


def lines_of(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def upload_event(monkeypatch: pytest.MonkeyPatch, *keys: str) -> dict[str, Any]:
    settings = type("Settings", (), {"uploads_bucket": "uploads"})
    monkeypatch.setattr(triggers, "settings", settings)
    return {
        "Records": [
            {"eventName": "ObjectCreated:Post", "s3": {"bucket": {"name": "uploads"}, "object": {"key": key}}}
            for key in keys
        ]
    }


def test_failing_schedule_is_logged_and_raises(output: io.StringIO) -> None:
    def run() -> dict[str, int]:
        raise RuntimeError("asha@ybl")

    with pytest.raises(RuntimeError):
        triggers.scheduled(run)({}, LambdaContext())
    assert "asha@ybl" not in output.getvalue()
    assert [line["message"] for line in lines_of(output)] == ["unexpected error", "schedule"]


def test_every_trigger_gets_the_time_that_lambda_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five seconds less one to write the log line."""
    remaining_s: list[float] = []
    monkeypatch.setattr(clock, "now_us", lambda: 1_000_000_000)

    def note_deadline(*_: Any) -> dict[str, int]:
        remaining_s.append(Deadline.current().remaining_s)
        return {}

    triggers.scheduled(note_deadline)({}, LambdaContext())
    triggers.streamed(note_deadline)({"Records": []}, LambdaContext())
    triggers.uploaded(note_deadline)(upload_event(monkeypatch, "in/photo"), LambdaContext())
    assert remaining_s == [4.0, 4.0, 4.0]
    assert not Deadline.current().has_passed


def test_failed_upload_is_retried_after_the_others(monkeypatch: pytest.MonkeyPatch, output: io.StringIO) -> None:
    processed: list[str] = []

    def process(key: str) -> dict[str, Any]:
        processed.append(key)
        if key == "in/first":
            raise ServiceUnavailable
        return {"outcome": "ready"}

    with pytest.raises(RuntimeError, match="^1 of 2 uploads"):
        triggers.uploaded(process)(upload_event(monkeypatch, "in/first", "in/second+photo"), LambdaContext())
    assert processed == ["in/first", "in/second photo"]
    assert [(line["level"], line.get("outcome")) for line in lines_of(output)] == [("ERROR", None), ("INFO", "ready")]
    assert lines_of(output)[0]["UploadRetried"] == 1
