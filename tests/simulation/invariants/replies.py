"""Invariants of what the API replied."""

from tests.simulation.invariants.check import (
    METHODS,
    PAID_STATUSES,
    PAYMENTS,
    Findings,
    desk_rows,
    paise,
    refund_rows,
)
from tests.simulation.world import World

# 0: the process died and did not reply
STATUSES = (0, 200, 201, 202, 204, 400, 401, 403, 404, 409, 413, 415, 429, 503)


DRY_RUN = "?dry_run=true"
ENDED = ("processed", "failed", "cancelled")
DECIDED = ("done", "rejected")  # of proposals


def documented(world: World) -> Findings:
    """Every status is documented: whatever fails underneath is a 503, never a 500."""
    for request, reply in world.replies:
        if reply.status not in STATUSES:
            yield f"{request.path if request else 'a webhook'} replied {reply.status}"
    for line in world.log.getvalue().splitlines():
        if "unexpected error" in line:
            yield f"an unhandled exception was logged: {line[line.find('error_type') :]}"


def acknowledged(world: World) -> Findings:
    """What a reply confirmed is stored."""
    payments = {row["id"]: row for row in world.rows(PAYMENTS)}
    methods = {row["id"] for row in world.rows(METHODS)}
    refunds = {row["id"]: row for row in refund_rows(world)}
    proposals = {row["id"]: row for row in desk_rows(world, "proposal")}
    for request, reply in world.replies:
        if not request or reply.status not in (200, 201) or not isinstance(reply.body, dict):
            continue
        if request.path.endswith(DRY_RUN):
            continue
        name = str(reply.body.get("id"))
        if "purpose" in reply.body:
            row = payments.get(name)
            if not row:
                yield f"the payment {name} was confirmed and is not stored"
            elif reply.body["status"] in PAID_STATUSES and row["status"] not in PAID_STATUSES:
                yield f"the payment {name} was confirmed as captured and is {row['status']}"
            elif request.body and "amount" in request.body and paise(request.body["amount"]) != row["amount_paise"]:
                yield f"{request.body['amount']} was requested and {row['amount_paise']} paise are stored"
        elif "lapses_at" in reply.body:
            if (proposal := proposals.get(name)) is None:
                yield f"the proposal {name} was confirmed and is not stored"
            elif reply.body["status"] in DECIDED and f"proposal:{reply.body['status']}" != proposal["state"]:
                yield f"the proposal {name} was {reply.body['status']} and is {proposal['state']}"
        elif "destination" in reply.body:
            row = refunds.get(name)
            if not row:
                yield f"the refund {name} was confirmed and is not stored"
            elif reply.body["status"] in ENDED and row["status"] not in (reply.body["status"], "returned"):
                yield f"the refund {name} was {reply.body['status']} and is {row['status']}"
        elif "nickname" in reply.body and name not in methods:
            yield f"the method {name} was confirmed and is not stored"


def dry_runs(world: World) -> Findings:
    """A dry run answers as the request would, and gives no id unless an earlier request has one."""
    for request, reply in world.replies:
        if not request or not request.path.endswith(DRY_RUN):
            continue
        if reply.status == 201 or (reply.status == 200 and reply.body["id"] is not None):
            yield f"a dry run of {request.path} replied {reply.status}"
