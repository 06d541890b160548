"""How a history ends: all is retried, delivered and reconciled without faults; then all invariants must hold."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.dynamodb_values import Item
from tests.simulation.actions.photos import IMAGES
from tests.simulation.flows.flow import API, DAY_S
from tests.simulation.history import History
from tests.simulation.invariants.check import ENTRIES, METHODS, PAYMENTS, dispute_rows, refund_rows
from tests.simulation.invariants.photos import leftover_uploads, photo_rows, photo_violations
from tests.simulation.invariants.registry import violations
from tests.simulation.world import Request, World

RETRIES = 4
CHECKS_S = (60, 60, 180, 600, 2_700, *([86_400] * 6))  # the reconciler's timetable, to its last check
ROUNDS_WITHOUT_CHANGE = 2
SWEEPS_MAX = 4  # the sweeper looks at a rejected or deleted photo twice more


def bring_to_rest(history: History) -> list[str]:
    """End the history; returns its violations."""
    world = history.world
    world.wire.arm({})
    world.wire.choose_fault = lambda call: None
    world.clock_us = max(world.clock_us, world.razorpay_s * 1_000_000)  # the machines' clocks are right again
    world.razorpay.control("balance", {"paise": None})
    for _ in range(RETRIES):
        for request in list(history.unanswered):
            history.send(request)
    found = [f"{request.key} never got a definite reply" for request in history.unanswered]
    _deliver_undelivered(history)
    _pay_with_saved_cards(history)
    _reconcile_until_unchanged(history)
    _deliver_undelivered(history)  # the reconciler's own captures are reported too
    found += [f"webhook {name} is never accepted" for name in world.undelivered if name not in history.lost_events]
    found += _end_photos(history)
    found += violations(world, at_rest=True)
    if history.redelivers_events:
        before = _money(world)
        _redeliver_all(history)
        if _money(world) != before:
            found.append("I15 event order: the same events in another order changed the money")
        _reconcile_until_unchanged(history)  # a late event says of an open dispute what was true once
        found += violations(world, at_rest=True)
    return found


def _pay_with_saved_cards(history: History) -> None:
    """If an event was lost, name every saved card in a payment a day later: what it said of a card is learnt then."""
    world = history.world
    if not history.lost_events:
        return
    world.advance(DAY_S + 1)
    for row in world.rows(METHODS):
        if row.get("token") and row.get("is_active"):
            (customer,) = (customer for customer in history.customers if customer.id == row["customer"])
            body = {"amount": "1.00", "source": "gateway", "contact": customer.phone, "payment_method": row["id"]}
            reply = world.send(Request(customer, "POST", f"{API}/payments/", body, f"card {row['id']}"))
            history.log(f"{customer.name[-1]} pays with the card {row['id']}: {reply.status}")


def _reconcile_until_unchanged(history: History) -> None:
    """Reconcile until every payment and dispute was checked once more and nothing changed for two rounds."""
    world = history.world
    checks = {row["id"]: row["checks"] for row in _checked(world) if row.get("open")}
    rounds = 0
    for seconds in CHECKS_S:
        before = _money(world)
        world.advance(seconds + 1)
        history.log(f"reconciler: {world.reconcile()}")
        rounds = rounds + 1 if _money(world) == before else 0
        waiting = [row for row in _checked(world) if row.get("open") and row["checks"] == checks.get(row["id"])]
        waiting += [row for row in world.rows(METHODS) if row.get("open")]
        waiting += [row for row in refund_rows(world) if row["status"] in ("requested", "sending")]
        if not waiting and rounds >= ROUNDS_WITHOUT_CHANGE and not history.waits_for_last_check:
            break


def _checked(world: World) -> list[dict[str, Any]]:
    """What the reconciler asks Razorpay about one by one."""
    return [*world.rows(PAYMENTS), *dispute_rows(world)]


def _end_photos(history: History) -> list[str]:
    """Report every upload and sweep until nothing is left to do; returns what is wrong then."""
    world = history.world
    for key in list(world.unreported_uploads):
        history.log(f"S3 reports {key.rpartition('/')[2]}: {world.report_upload(key).status}")
    found = [f"the upload {key} is never accepted" for key in world.unreported_uploads]
    for _ in range(SWEEPS_MAX):
        due_us = [row["next_check_at_us"] for row in photo_rows(world) if row.get("open")]
        if not due_us:
            break
        world.clock_us = max(world.clock_us, *due_us) + 1
        world.sweep()
    history.log(f"photos: {', '.join(row['status'] for row in photo_rows(world))}")
    found += photo_violations(world, at_rest=True)
    found += leftover_uploads(world, history.lost_uploads, history.deleted_uploads, history.late_uploads)
    return found + [text for upload in history.uploads for text in _wrong_reads(history, upload)]


def _wrong_reads(history: History, upload: dict[str, Any]) -> Iterator[str]:
    """Only its customer can read a photo, and nobody a deleted one."""
    existing = {row["id"] for row in photo_rows(history.world)}
    for customer in history.customers:
        reply = history.world.send(Request(customer, "GET", f"{IMAGES}{upload['id']}/"))
        is_readable = customer is upload["customer"] and upload["id"] in existing
        if reply.status != (200 if is_readable else 404):
            yield f"the photo {upload['id']} replied {reply.status} to {customer.name}"


def _deliver_undelivered(history: History) -> None:
    for event_id in history.world.undelivered:
        if event_id not in history.lost_events:
            reply = history.world.deliver(event_id)
            history.log(f"webhook {event_id}: {reply.status} {reply.text}")


def _redeliver_all(history: History) -> None:
    """Deliver all events again, and the lost ones late, except for lost authorizations.

    A payment whose only attempt was refunded by then is `created`, and its authorization would make it `refunded`.
    """
    world = history.world
    authorizations = {
        event_id for event_id in history.lost_events if event_id in world.events_of("payment.authorized")
    }
    event_ids = [event_id for event_id in world.event_ids if event_id not in authorizations]
    world.random.shuffle(event_ids)
    for event_id in event_ids:
        world.deliver(event_id)


def _money(world: World) -> list[Any]:
    """The ledgers byte by byte, and the payments without their evidence."""
    entries: list[Item] = world.dynamodb.tables[ENTRIES].items
    names = ("id", "status", "amount_paise", "refunded_paise", "gateway_payment")
    payments = [[row.get(name) for name in names] for row in world.rows(PAYMENTS) if row["purpose"] != "unknown"]
    return [entries, payments, refund_rows(world), [_dispute_money(row) for row in dispute_rows(world)]]


def _dispute_money(row: Mapping[str, Any]) -> list[Any]:
    """A dispute without what may change while it is open."""
    end = None if row.get("open") else row["status"]
    return [row["id"], end, *(row[name] for name in ("counted_paise", "held_paise", "owed_paise", "deducted_paise"))]
