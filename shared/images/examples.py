"""Examples of photos for the API document."""

from collections.abc import Mapping
from typing import Any

from shared.images.rejections import REJECTION_RETRIES, REJECTION_TEXTS
from shared.images.serializers import ImageBody, UploadBody

AWAITING: ImageBody = {
    "id": "7b0f2c3d-5c7e-4f5a-9d58-2f6f3c1f8a11",
    "status": "awaiting_upload",
    "progress": 0,
    "poll_after_ms": 1_000,
    "original": None,
    "variants": [],
    "placeholder": None,
    "dominant_colour": None,
    "reject": None,
    "created_at": "2026-01-09T12:00:00.123456Z",
    "updated_at": "2026-01-09T12:00:00.123456Z",
}
READY: ImageBody = {
    **AWAITING,
    "status": "ready",
    "progress": 100,
    "poll_after_ms": None,
    "original": {
        "bytes": 4_404_019,
        "width": 3_024,
        "height": 4_032,
        "format": "jpeg",
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    },
    "variants": [
        {
            "name": "display",
            "format": "avif",
            "width": 1_200,
            "height": 1_600,
            "bytes": 148_211,
            "url": "https://images.s3.ap-south-1.amazonaws.com/out/2c5f/7b0f2c3d/display.avif?X-Amz-Expires=300",
            "expires_at": "2026-01-09T12:05:02Z",
        }
    ],
    "placeholder": "data:image/webp;base64,UklGRl4AAABXRUJQVlA4",
    "dominant_colour": "#7a6f63",
}
REJECTED: ImageBody = {
    **AWAITING,
    "status": "rejected",
    "progress": 100,
    "poll_after_ms": None,
    "reject": {
        "code": "checksum_mismatch",
        "text": REJECTION_TEXTS["checksum_mismatch"],
        "retry": REJECTION_RETRIES["checksum_mismatch"],
    },
}
UPLOAD: UploadBody = {
    **AWAITING,
    "upload": {
        "method": "POST",
        "url": "https://uploads.s3.ap-south-1.amazonaws.com/",
        "fields": {
            "Content-Type": "image/jpeg",
            "key": "in/2c5f/7b0f2c3d",
            "policy": "eyJleHBpcmF0aW9u",
            "x-amz-signature": "5d41402a",
        },
        "headers": {},
        "expires_at": "2026-01-09T12:05:00Z",
        "size_bytes_max": 26_214_400,
        "accept": ["image/jpeg"],
        "single_use": False,
    },
}
EXAMPLES: Mapping[Any, Mapping[str, Any]] = {
    ImageBody: {"Ready": READY, "AwaitingUpload": AWAITING, "Rejected": REJECTED},
    UploadBody: {"Started": UPLOAD, "SentAsForm": {**AWAITING}},
}
