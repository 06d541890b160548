"""SQS: the messages of a queue, which stay there until they are deleted.

A transient error is ServiceUnavailable; any other error stays what it is.
"""

from functools import cache
from typing import Any, NamedTuple

from shared.aws.client_errors import translate_errors
from shared.aws.session import make_client

CONNECT_TIMEOUT_S = 1
READ_TIMEOUT_S = 5
PAGE_COUNT = 10  # the most that SQS returns at once


class Message(NamedTuple):
    body: str
    handle: str


def receive(queue: str, hidden_s: int) -> list[Message]:
    """Up to PAGE_COUNT messages, which nobody else receives for so many seconds; empty if there are none."""
    with translate_errors("queues"):
        received = client().receive_message(
            QueueUrl=queue, MaxNumberOfMessages=PAGE_COUNT, VisibilityTimeout=hidden_s, WaitTimeSeconds=0
        )
    return [Message(message["Body"], message["ReceiptHandle"]) for message in received.get("Messages", [])]


def show(queue: str, message: Message) -> None:
    """Let others receive the message again."""
    with translate_errors("queues"):
        client().change_message_visibility(QueueUrl=queue, ReceiptHandle=message.handle, VisibilityTimeout=0)


def delete(queue: str, message: Message) -> None:
    with translate_errors("queues"):
        client().delete_message(QueueUrl=queue, ReceiptHandle=message.handle)


@cache
def client() -> Any:
    return make_client("sqs", CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
