"""S3, on every upload: make the photo's variants or reject it. A transient failure is retried."""

from collections.abc import Mapping
from typing import Any

from shared.images.compressor import compress
from shared.telemetry import log
from shared.triggers import uploaded


@uploaded
def handler(key: str) -> Mapping[str, Any]:
    outcome = compress(key)
    log.count_each(outcome.counts)
    return {"outcome": outcome.name, **outcome.facts}
