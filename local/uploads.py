"""S3 calling a function, as Lambda does it: each event until it is done, a few tries, then the on-failure queue.

The stand-in puts the bucket's events into a queue, one message each; a message that stays there is a retry to come.
"""

import json
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local.template import Trigger
from local.workers import Crashed, Pool, TimedOut

POLLERS = 2
WAIT_S = 20
BUSY_S = 120  # how long a message is out of sight while the function works on it
RETRY_PAUSES_S = (1, 2)  # at AWS as many minutes
PAUSE_S = 0.5
STOP_S = 0.3
WAKE = "{}"


def deliver_uploads(trigger: Trigger, pool: Pool, ready: threading.Event) -> Callable[[], None]:
    """Connect bucket, queue and function, and deliver once all is ready; answers how it is stopped."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    sqs, stopping = boto3.client("sqs", config=Config(retries={"total_max_attempts": 1})), threading.Event()
    url = sqs.create_queue(QueueName=f"{trigger.function}Events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    from_s3 = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**from_s3, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    prefix = {"Key": {"FilterRules": [{"Name": "prefix", "Value": trigger.prefix}]}}
    to_queue = {"QueueArn": arn, "Events": trigger.events, "Filter": prefix}
    boto3.client("s3").put_bucket_notification_configuration(
        Bucket=trigger.bucket, NotificationConfiguration={"QueueConfigurations": [to_queue]}
    )
    on_failure = sqs.get_queue_url(QueueName=trigger.on_failure)["QueueUrl"]

    def poll() -> None:
        ready.wait()
        while not stopping.is_set():
            try:
                _take(sqs, url, on_failure, trigger, pool)
            except Exception as error:  # the stand-in is being stopped, or busy: what is in the queue stays there
                if not stopping.wait(PAUSE_S):
                    print(f"{trigger.function}: {type(error).__name__}", flush=True)

    pollers = [threading.Thread(target=poll, name="uploads", daemon=True) for _ in range(POLLERS)]
    for poller in pollers:
        poller.start()

    def stop() -> None:
        """Nothing may be left waiting at the stand-in, which else is not done in time to save its state."""
        stopping.set()
        ready.set()
        try:
            for _ in pollers:
                sqs.send_message(QueueUrl=url, MessageBody=WAKE)
        except BotoCoreError:
            return  # the stand-in is gone already
        for poller in pollers:
            poller.join(STOP_S)

    return stop


def _take(sqs: Any, url: str, on_failure: str, trigger: Trigger, pool: Pool) -> None:
    """Wait for a message and see to it."""
    got = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=1,
        WaitTimeSeconds=WAIT_S,
        VisibilityTimeout=BUSY_S,
        MessageSystemAttributeNames=["ApproximateReceiveCount"],
    )
    for message in got.get("Messages", []):
        handle = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
        if "Records" not in json.loads(message["Body"]):  # to wake us, or S3's test, which only queues are sent
            sqs.delete_message(**handle)
            continue
        attempts = int(message["Attributes"]["ApproximateReceiveCount"])
        try:
            pool.invoke(trigger.function, json.loads(message["Body"]))
        except (Crashed, TimedOut) as error:
            if attempts <= trigger.retries:
                sqs.change_message_visibility(**handle, VisibilityTimeout=RETRY_PAUSES_S[attempts - 1])
                continue
            sqs.send_message(QueueUrl=on_failure, MessageBody=_record(trigger, message["Body"], attempts, error))
        sqs.delete_message(**handle)


def _record(trigger: Trigger, event: str, attempts: int, error: Exception) -> str:
    """What Lambda sends to an on-failure destination."""
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
