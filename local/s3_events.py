"""S3 events as Lambda handles them: invoke the function, retry a few times, then send to the on-failure queue.

Ministack puts each event of the bucket into an SQS queue as one message. A message that stays in the queue is
retried.
"""

import json
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local.lambda_pool import Crashed, LambdaPool, TimedOut
from local.log import Log
from local.memory import Faults
from local.template import Trigger

POLLERS = 2
WAIT_S = 20
VISIBILITY_TIMEOUT_S = 120  # longer than the function runs
RETRY_PAUSES_S = (1, 2)  # AWS waits as many minutes
PAUSE_S = 0.5
STOP_S = 0.3
WAKE = "{}"


def deliver_uploads(
    trigger: Trigger, pool: LambdaPool, faults: Faults, ready: threading.Event, log: Log
) -> Callable[[], None]:
    """Connect bucket, queue and function, and deliver events once `ready` is set. Returns the function to stop it.

    S3 delivers an event at least once: the fault `uploads_twice` delivers each one twice.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    sqs, stopping = boto3.client("sqs", config=Config(retries={"total_max_attempts": 1})), threading.Event()
    queue_url = _create_queue(sqs, boto3.client("s3"), trigger)
    on_failure_url = sqs.get_queue_url(QueueName=trigger.on_failure)["QueueUrl"]

    def poll() -> None:
        ready.wait()
        while not stopping.is_set():
            try:
                _process_message(sqs, queue_url, on_failure_url, trigger, pool, faults)
            except Exception as error:  # ministack is stopping or busy; the message stays in the queue
                if not stopping.wait(PAUSE_S):
                    log.say(f"{trigger.function}: {type(error).__name__}: {error}")

    pollers = [threading.Thread(target=poll, name="uploads", daemon=True) for _ in range(POLLERS)]
    for poller in pollers:
        poller.start()

    def stop() -> None:
        """End the long polls: ministack waits for open requests, and would not save its state in time."""
        stopping.set()
        ready.set()
        try:
            for _ in pollers:
                sqs.send_message(QueueUrl=queue_url, MessageBody=WAKE)
        except BotoCoreError:
            return  # ministack has stopped already
        for poller in pollers:
            poller.join(STOP_S)

    return stop


def _create_queue(sqs: Any, s3: Any, trigger: Trigger) -> str:
    """The URL of the queue that the bucket sends the trigger's events to."""
    queue_url = str(sqs.create_queue(QueueName=f"{trigger.function}Events")["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow_s3 = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**allow_s3, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": json.dumps(policy)})
    prefix = {"Key": {"FilterRules": [{"Name": "prefix", "Value": trigger.prefix}]}}
    notification = {"QueueArn": arn, "Events": trigger.events, "Filter": prefix}
    s3.put_bucket_notification_configuration(
        Bucket=trigger.bucket, NotificationConfiguration={"QueueConfigurations": [notification]}
    )
    return queue_url


def _process_message(
    sqs: Any, queue_url: str, on_failure_url: str, trigger: Trigger, pool: LambdaPool, faults: Faults
) -> None:
    """Wait for one message; invoke the function and delete the message, or leave it for a retry."""
    received = sqs.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=1,
        WaitTimeSeconds=WAIT_S,
        VisibilityTimeout=VISIBILITY_TIMEOUT_S,
        MessageSystemAttributeNames=["ApproximateReceiveCount"],
    )
    for message in received.get("Messages", []):
        handle = {"QueueUrl": queue_url, "ReceiptHandle": message["ReceiptHandle"]}
        if "Records" not in json.loads(message["Body"]):  # WAKE, or the test event that S3 sends to queues
            sqs.delete_message(**handle)
            continue
        attempts = int(message["Attributes"]["ApproximateReceiveCount"])
        try:
            for _ in range(2 if faults.uploads_twice else 1):
                pool.invoke(trigger.function, json.loads(message["Body"]))
        except (Crashed, TimedOut) as error:
            if attempts <= trigger.retries:
                sqs.change_message_visibility(**handle, VisibilityTimeout=RETRY_PAUSES_S[attempts - 1])
                continue
            record = _failure_record(trigger, message["Body"], attempts, error)
            sqs.send_message(QueueUrl=on_failure_url, MessageBody=record)
        sqs.delete_message(**handle)


def _failure_record(trigger: Trigger, event: str, attempts: int, error: Exception) -> str:
    """The message that Lambda sends to an on-failure destination."""
    return json.dumps(
        {
            "version": "1.0",
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": f"arn:aws:lambda:ap-south-1:000000000000:function:{trigger.function}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": attempts,
            },
            "requestPayload": json.loads(event),
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": {"errorMessage": str(error), "errorType": type(error).__name__},
        }
    )
