"""SQS: the messages of a queue, which stay there until they are deleted.

A transient error is ServiceUnavailable; any other error stays what it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from shared.aws.session import make_client
from shared.errors import ServiceUnavailable
from shared.telemetry import journal

CONNECT_TIMEOUT_S = 1
READ_TIMEOUT_S = 5
PAGE_COUNT = 10  # the most that SQS returns at once


class Message(NamedTuple):
    body: str
    handle: str


def receive(queue: str, hidden_s: int) -> list[Message]:
    """Up to PAGE_COUNT messages, which nobody else receives for so many seconds; empty if there are none."""
    with _translate_errors():
        received = client().receive_message(
            QueueUrl=queue, MaxNumberOfMessages=PAGE_COUNT, VisibilityTimeout=hidden_s, WaitTimeSeconds=0
        )
    return [Message(message["Body"], message["ReceiptHandle"]) for message in received.get("Messages", [])]


def show(queue: str, message: Message) -> None:
    """Let others receive the message again."""
    with _translate_errors():
        client().change_message_visibility(QueueUrl=queue, ReceiptHandle=message.handle, VisibilityTimeout=0)


def delete(queue: str, message: Message) -> None:
    with _translate_errors():
        client().delete_message(QueueUrl=queue, ReceiptHandle=message.handle)


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        journal.breadcrumb(f"queues: {error.operation_name} {error.response['Error']['Code']}")
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
            raise ServiceUnavailable from error
        raise
    except (HTTPClientError, BotoConnectionError) as error:
        journal.breadcrumb(f"queues: {type(error).__name__}")
        raise ServiceUnavailable from error


@cache
def client() -> Any:
    return make_client("sqs", CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
