"""The flows of reviews: how each ends, by staff or by itself."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.simulation.flows.desk import WHY, call, is_code
from tests.simulation.flows.flow import APP, WEBHOOK, Flow, Run, fund_wallet, run_checking_reply, start_top_up
from tests.simulation.flows.refunds import attempt_of, pay_for_an_order, refund_at_razorpay, wallet_is
from tests.simulation.invariants.check import desk_rows
from tests.simulation.world import Customer, Reply, World


def reviews_of(world: World, payment: Mapping[str, Any]) -> list[str]:
    """The ids of the payment's reviews, open or not."""
    from shared.desk.models import review_id

    marks = sorted(world.payment_row(payment["id"])["review"])
    return [review_id(payment["id"], *name.partition(":")[::2]) for name in marks]


def resolve(world: World, review_id: str, action: str, who: str = "staff-1") -> Reply:
    """Staff do this about a review."""
    body = {"action": action, **WHY, **({"assignee": "sunil"} if action == "assign" else {})}
    return call(world, "support", f"/reviews/{review_id}/resolve/", body, who)


def wrong_amount(
    world: World, customer: Customer, amount: str = "500.00", paid_paise: int = 40_000
) -> dict[str, Any]:
    """A top-up of which less arrived, in review."""
    top_up = start_top_up(world, customer, amount)
    world.pay(top_up["gateway_order_id"], amount_paise=paid_paise)
    for event_id in world.event_ids:
        assert world.deliver(event_id).status == 200
    assert world.payment_row(top_up["id"])["in_review"]
    return top_up


def captured_twice(world: World, customer: Customer, amount: str = "500.00") -> dict[str, Any]:
    """A top-up that was paid a second time, in review."""
    top_up = fund_wallet(world, customer, amount)
    world.razorpay.control("double_pay", {"order_id": top_up["gateway_order_id"]})
    for event_id in world.undelivered:
        assert world.deliver(event_id).status == 200
    assert world.payment_row(top_up["id"])["in_review"]
    return top_up


def taken_too_much(world: World, customer: Customer) -> dict[str, Any]:
    """A top-up of which the bank took everything after half was refunded, in review."""
    top_up = fund_wallet(world, customer)
    refund_at_razorpay(world, top_up, 30_000)
    world.razorpay.control("dispute", {"payment_id": attempt_of(world, top_up)["id"], "status": "lost"})
    for event_id in world.undelivered:
        assert world.deliver(event_id).status == 200
    assert world.payment_row(top_up["id"])["in_review"]
    return top_up


InReview = Callable[[World, Customer], dict[str, Any]]


def resolved(in_review: InReview, action: str, cash_paise: int, refunds: int = 0) -> Callable[[World], Run]:
    """Staff end the payment's review by this action. It is done once, however often they ask."""

    def prepare(world: World) -> Run:
        customer = world.customer()
        payment = in_review(world, customer)
        (review_id,) = reviews_of(world, payment)
        if action == "apply_again":  # Razorpay has corrected what it said
            attempt_of(world, payment)["amount"] = 50_000
        made = len(world.razorpay.refunds)

        def done(reply: Reply) -> bool:
            is_answered = reply.status == 200 or is_code(reply, 409, "already_resolved")
            return is_answered and not world.payment_row(payment["id"]).get("in_review") and is_exact()

        def is_exact() -> bool:
            cash = world.entries(customer)[-1]["cash_paise"] if world.entries(customer) else 0
            return cash == cash_paise and len(world.razorpay.refunds) - made == refunds

        return run_checking_reply(lambda: resolve(world, review_id, action), done, is_exact)

    return prepare


def assigned(world: World) -> Run:
    """Staff assign a review, which stays open."""
    customer = world.customer()
    payment = captured_twice(world, customer)
    (review_id,) = reviews_of(world, payment)

    def done(reply: Reply) -> bool:
        (row,) = desk_rows(world, "review")
        return (
            reply.status == 200
            and row["assigned_to"] == "sunil"
            and bool(world.payment_row(payment["id"])["in_review"])
        )

    return run_checking_reply(lambda: resolve(world, review_id, "assign"), done)


def ended_by_itself(world: World) -> Run:
    """The attempt in review is refunded in Razorpay's dashboard: the review leaves without staff."""
    customer = world.customer()
    top_up = captured_twice(world, customer)
    second = list(world.razorpay.payments.values())[-1]
    world.razorpay.control("refund", {"payment_id": second["id"]})
    event_id = world.event_ids[-1]
    world.acknowledged |= set(world.event_ids) - {event_id}
    return Run(
        lambda: world.deliver(event_id),
        lambda: not world.payment_row(top_up["id"]).get("in_review") and wallet_is(world, customer, 50_000),
    )


def paid_by_another(world: World, customer: Customer) -> tuple[dict[str, Any], str]:
    """A top-up that another attempt paid than the one in review, which went back at Razorpay; and the review's id."""
    top_up = wrong_amount(world, customer)
    (review_id,) = reviews_of(world, top_up)
    world.razorpay.control("double_pay", {"order_id": top_up["gateway_order_id"]})
    assert world.deliver(world.events_of("payment.captured")[-1]).status == 200
    world.razorpay.control("refund", {"payment_id": list(world.razorpay.payments)[0]})
    return top_up, review_id


def accepted_too_late(world: World) -> Run:
    """The amount of an attempt that went back is accepted: that is refused, and the review has ended."""
    customer = world.customer()
    top_up, review_id = paid_by_another(world, customer)
    world.acknowledged |= set(world.event_ids)

    def done(reply: Reply) -> bool:
        is_refused = is_code(reply, 409, "not_acceptable") or is_code(reply, 409, "already_resolved")
        is_ended = not world.payment_row(top_up["id"]).get("in_review")
        return is_refused and is_ended and wallet_is(world, customer, 50_000)

    return run_checking_reply(lambda: resolve(world, review_id, "accept_amount"), done)


def _is_in_review(world: World, payment: Mapping[str, Any], refund_id: str) -> bool:
    row = world.payment_row(payment["id"])
    return bool(row.get("in_review")) and f"{refund_id}:refund_failed" in row["review"]


def returned(world: World) -> Run:
    """The bank returns the refund of a payment that is no top-up: no wallet is credited, and staff are told."""
    payment = pay_for_an_order(world, world.customer())
    refund_id = refund_at_razorpay(world, payment)
    assert world.deliver(world.event_ids[-1]).status == 200
    world.razorpay.control("refund_status", {"refund_id": refund_id, "status": "failed"})
    event_id = world.event_ids[-1]
    world.acknowledged |= set(world.event_ids) - {event_id}
    return Run(lambda: world.deliver(event_id), lambda: _is_in_review(world, payment, refund_id))


def refund_of_attempt_failed(world: World) -> Run:
    """Staff send a second capture back, and the bank does not take it: the review has ended, and another begins."""
    customer = world.customer()
    top_up = captured_twice(world, customer)
    (review_id,) = reviews_of(world, top_up)
    assert resolve(world, review_id, "refund_attempt").status == 200
    (refund_id,) = world.razorpay.refunds
    world.razorpay.control("refund_status", {"refund_id": refund_id, "status": "failed"})
    event_id = world.event_ids[-1]
    world.acknowledged |= set(world.event_ids) - {event_id}

    def done() -> bool:
        return _is_in_review(world, top_up, refund_id) and wallet_is(world, customer, 50_000)

    return Run(lambda: world.deliver(event_id), done)


REVIEW_FLOWS: Mapping[str, Flow] = {
    "review, accept the amount": Flow(resolved(wrong_amount, "accept_amount", 40_000), (APP,)),
    "review, refund a wrong amount": Flow(resolved(wrong_amount, "refund_attempt", 0, 1), (APP,)),
    "review, apply again": Flow(resolved(wrong_amount, "apply_again", 50_000), (APP,)),
    "review, refund a second capture": Flow(resolved(captured_twice, "refund_attempt", 50_000, 1), (APP,)),
    "review, dismiss": Flow(resolved(captured_twice, "dismiss", 50_000), (APP,)),
    "review, waive": Flow(resolved(taken_too_much, "waive", 0), (APP,)),
    "review, assign": Flow(assigned, (APP,)),
    "review, accepted too late": Flow(accepted_too_late, (APP,)),
    "review, ended by a refund": Flow(ended_by_itself, (WEBHOOK,)),
    "review, a refund returned": Flow(returned, (WEBHOOK,)),
    "review, the refund of an attempt failed": Flow(refund_of_attempt_failed, (WEBHOOK,)),
}
