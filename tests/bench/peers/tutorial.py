"""The same in a tutorial's style: a boto3 resource, and the resolver, logger and metrics of Powertools.

It has no tracer, which would be the dearest part of it, and is run without bytecode, as `sam build` leaves it.
"""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger()
metrics = Metrics(namespace="Tutorial")
app = APIGatewayRestResolver()
table = boto3.resource("dynamodb").Table(os.environ["PAYMENTS_TABLE"])


@app.get("/api/payments/payments/<id>/")
def payment(id: str) -> dict[str, int]:
    key = {name: value["S"] for name, value in app.current_event.raw_event["key"].items()}
    item = table.get_item(Key=key, ConsistentRead=True)["Item"]
    metrics.add_metric(name="PaymentRead", unit=MetricUnit.Count, value=1)
    logger.info("payment read")
    return {"amount": int(item["amount_paise"])}


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
