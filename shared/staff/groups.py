"""The groups of staff, and which of them may do what."""

from collections.abc import Mapping

GROUPS = ("support", "finance", "approver")
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "read": GROUPS,
    "request_refund": ("support",),
    "block": ("support",),
    "release": ("support",),
    "replay": ("support",),
    "resolve": ("support",),
    "propose": ("finance",),
    "decide": ("approver",),
}
