"""S3, on every upload: make the variants of a photo, or reject it; what passes by itself is tried again."""

from collections.abc import Mapping
from typing import Any

from shared import compression, telemetry
from shared.events import uploaded


@uploaded
def handler(key: str) -> Mapping[str, Any]:
    outcome = compression.compress(key)
    telemetry.count_each(outcome.counts)
    return {"outcome": outcome.name, **outcome.facts}
