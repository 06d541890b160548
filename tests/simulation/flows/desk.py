"""The flows of the desk: what staff do alone, what takes two of them, and how a review ends."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.simulation import patches
from tests.simulation.flows.flow import (
    APP,
    DAY_S,
    WEBHOOK,
    Flow,
    Run,
    fund_wallet,
    run_checking_reply,
    start_top_up,
)
from tests.simulation.flows.methods import start_saving_payment
from tests.simulation.flows.refunds import (
    STAFF,
    attempt_of,
    refund_at_razorpay,
    spend,
    statuses,
    wallet_is,
)
from tests.simulation.invariants.check import METHODS, desk_rows
from tests.simulation.world import Customer, Reply, World

MAKER, APPROVER = "staff-maker", "staff-approver"
WHY = {"reason": "The shop said so"}
LAPSE_S = 3 * DAY_S


def call(world: World, group: str, path: str, body: Mapping[str, Any], who: str = "staff-1", key: str = "") -> Reply:
    """A request of a member of staff."""
    return world.call(world.staff(group, who=who), "POST", f"{STAFF}{path}", dict(body), key or None)


def wallet_of(customer: Customer) -> str:
    from shared.wallets.wallet import wallet_id

    return wallet_id(customer.id)


def is_code(reply: Reply, status: int, code: str) -> bool:
    return reply.status == status and reply.body["code"] == code


# --- block, release, replay


def set_block(world: World, customer: Customer, verb: str, who: str = "staff-1") -> Reply:
    """Staff block or unblock a wallet."""
    return call(world, "support", f"/wallets/{wallet_of(customer)}/{verb}/", WHY, who)


def block(verb: str) -> Callable[[World], Run]:
    """Staff block a wallet, or unblock it: one entry, however often they ask."""

    def prepare(world: World) -> Run:
        customer = world.customer()
        fund_wallet(world, customer)
        kinds = ["block", "unblock"][: 1 if verb == "block" else 2]
        if verb == "unblock":
            assert set_block(world, customer, "block").status == 200

        def done(reply: Reply) -> bool:
            return reply.status == 200 and [entry["kind"] for entry in world.entries(customer)[2:]] == kinds

        return run_checking_reply(lambda: set_block(world, customer, verb), done)

    return prepare


def claim(world: World) -> Customer:
    """A customer with a claim on a customer at Razorpay, and without a saved card."""
    customer = world.customer()
    start_saving_payment(world, customer)
    return customer


def release(world: World, customer: Customer, who: str = "staff-1") -> Reply:
    """Staff release the customer's claim."""
    return call(world, "support", f"/customers/{customer.id}/release/", WHY, who)


def is_claimed(world: World, customer: Customer) -> bool:
    """Whether the customer has a claim; both of its rows say the same."""
    rows = world.rows(METHODS)
    claims = [row for row in rows if row["customer"] == customer.id and row.get("gateway_customer")]
    owned = [row for row in rows if row["id"] == "owner" and row.get("owner") == customer.id]
    assert len(claims) == len(owned), "half a claim"
    return bool(claims)


def release_claim(world: World) -> Run:
    """Staff release a claim. Asked again, there is none."""
    customer = claim(world)

    def done(reply: Reply) -> bool:
        released = [row for row in desk_rows(world, "action") if row["what"] == "release"]
        return reply.status in (200, 404) and len(released) == 1 and not is_claimed(world, customer)

    return run_checking_reply(lambda: release(world, customer), done)


def unusable_capture(world: World, customer: Customer) -> tuple[str, str]:
    """A capture that was unusable when it came, and could be used now: the ids of its event and its record."""
    world.pay(start_top_up(world, customer)["gateway_order_id"])
    event_id = world.events_of("payment.captured")[-1]
    world.acknowledged |= set(world.event_ids)
    with patches.unreadable_payments():
        assert world.deliver(event_id).status == 200
    (stored,) = world.rows("UnusableWebhooksTable")
    return event_id, str(stored["id"])


def replay(world: World, webhook_id: str, who: str = "staff-1") -> Reply:
    """Staff replay a stored webhook."""
    return call(world, "support", f"/webhooks/{webhook_id}/replay/", WHY, who)


def replay_webhook(world: World) -> Run:
    """Staff replay a capture that was unusable: it is credited, and leaves the list."""
    customer = world.customer()
    _, webhook_id = unusable_capture(world, customer)

    def done(reply: Reply) -> bool:
        replayed = [row for row in desk_rows(world, "action") if row["what"] == "replay"]
        is_answered = reply.status == 200 or is_code(reply, 409, "already_replayed")
        return is_answered and len(replayed) == 1 and wallet_is(world, customer, 50_000)

    return run_checking_reply(lambda: replay(world, webhook_id), done)


# --- proposals


def propose(world: World, customer: Customer, kind: str, amount: str = "200.00", key: str = "proposal") -> Reply:
    """One member of staff proposes a credit, a debit, or a waiver for a wallet."""
    body = {"amount": amount, **WHY, **({} if kind == "waiver" else {"type": kind})}
    path = "waivers" if kind == "waiver" else "adjustments"
    return call(world, "finance", f"/wallets/{wallet_of(customer)}/{path}/", body, MAKER, key)


def propose_large_refund(world: World, payment: Mapping[str, Any], key: str = "proposal") -> Reply:
    """A refund that is too large for one person."""
    return call(world, "support", f"/payments/{payment['id']}/refunds/", {"amount": "15000.00", **WHY}, MAKER, key)


def decide(world: World, proposal_id: str, verb: str, who: str = APPROVER) -> Reply:
    """Another member of staff approves or rejects."""
    return call(world, "approver", f"/proposals/{proposal_id}/{verb}/", WHY, who)


def proposals_are(world: World, *expected: str) -> bool:
    return [row["state"].partition(":")[2] for row in desk_rows(world, "proposal")] == list(expected)


def owing(world: World, customer: Customer) -> None:
    """The wallet owes 300.00 and has nothing, since a refund was made of money that is spent."""
    top_up = fund_wallet(world, customer)
    spend(world, customer, "500.00")
    refund_at_razorpay(world, top_up, 30_000)
    assert world.deliver(world.event_ids[-1]).status == 200 and wallet_is(world, customer, 0, 0, 30_000)


def make_proposal(world: World, kind: str) -> tuple[Customer, Callable[[], Reply]]:
    """A customer, and what proposes a credit, a debit, a waiver or a refund for them."""
    customer = world.customer()
    if kind == "refund":
        top_up = fund_wallet(world, customer, "20000.00")
        return customer, lambda: propose_large_refund(world, top_up)
    if kind == "waiver":
        owing(world, customer)
    else:
        fund_wallet(world, customer)
    return customer, lambda: propose(world, customer, kind)


def proposed(kind: str) -> Callable[[World], Run]:
    """A member of staff proposes: one proposal, and nothing moves."""

    def prepare(world: World) -> Run:
        customer, act = make_proposal(world, kind)
        before = len(world.entries(customer))

        def done(reply: Reply) -> bool:
            return reply.status == 202 and proposals_are(world, "proposed") and len(world.entries(customer)) == before

        return run_checking_reply(act, done)

    return prepare


# What a wallet has once the proposal of each kind is done, and before.
DONE: Mapping[str, tuple[int, int, int]] = {
    "credit": (70_000, 0, 0),
    "debit": (30_000, 0, 0),
    "waiver": (0, 0, 10_000),
    "refund": (500_000, 0, 0),
}
UNDONE = {"credit": (50_000, 0, 0), "debit": (50_000, 0, 0), "waiver": (0, 0, 30_000), "refund": (2_000_000, 0, 0)}


def approved(kind: str) -> Callable[[World], Run]:
    """Another one approves: it is done once, however often they ask."""

    def prepare(world: World) -> Run:
        customer, act = make_proposal(world, kind)
        proposal_id = act().body["id"]

        def ended() -> bool:
            return wallet_is(world, customer, *DONE[kind]) and (kind != "refund" or statuses(world) == ["processed"])

        def done(reply: Reply) -> bool:
            is_held = kind == "refund" and wallet_is(world, customer, 500_000, 1_500_000)
            return reply.status == 200 and proposals_are(world, "done") and (is_held or ended())

        return run_checking_reply(lambda: decide(world, proposal_id, "approve"), done, ended)

    return prepare


def rejected(kind: str) -> Callable[[World], Run]:
    """Another one rejects: nothing moves, and nobody can approve it any more."""

    def prepare(world: World) -> Run:
        customer, act = make_proposal(world, kind)
        proposal_id = act().body["id"]

        def done(reply: Reply) -> bool:
            return (
                reply.status == 200 and proposals_are(world, "rejected") and wallet_is(world, customer, *UNDONE[kind])
            )

        return run_checking_reply(
            lambda: decide(world, proposal_id, "reject"),
            done,
            lambda: is_code(decide(world, proposal_id, "approve", "staff-2"), 409, "already_decided"),
        )

    return prepare


def lapsed(kind: str) -> Callable[[World], Run]:
    """Nobody decided for three days: an approval comes too late."""

    def prepare(world: World) -> Run:
        customer, act = make_proposal(world, kind)
        proposal_id = act().body["id"]
        world.advance(LAPSE_S)
        return run_checking_reply(
            lambda: decide(world, proposal_id, "approve"),
            lambda reply: is_code(reply, 409, "proposal_lapsed") and wallet_is(world, customer, *UNDONE[kind]),
        )

    return prepare


def own_proposal(world: World) -> Run:
    """Who proposed cannot approve."""
    customer, act = make_proposal(world, "credit")
    proposal_id = act().body["id"]
    return run_checking_reply(
        lambda: decide(world, proposal_id, "approve", MAKER),
        lambda reply: is_code(reply, 403, "own_proposal") and wallet_is(world, customer, 50_000),
    )


# --- reviews


def reviews_of(world: World, payment: Mapping[str, Any]) -> list[str]:
    """The ids of the payment's reviews, open or not."""
    from shared.desk.models import review_id

    marks = sorted(world.payment_row(payment["id"])["review"])
    return [review_id(payment["id"], *name.partition(":")[::2]) for name in marks]


def resolve(world: World, review_id: str, action: str, who: str = "staff-1") -> Reply:
    """Staff do this about a review."""
    body = {"action": action, **WHY, **({"assignee": "sunil"} if action == "assign" else {})}
    return call(world, "support", f"/reviews/{review_id}/resolve/", body, who)


def wrong_amount(world: World, customer: Customer) -> dict[str, Any]:
    """A top-up of 500.00 of which 400.00 arrived, in review."""
    top_up = start_top_up(world, customer)
    world.pay(top_up["gateway_order_id"], amount_paise=40_000)
    for event_id in world.event_ids:
        assert world.deliver(event_id).status == 200
    assert world.payment_row(top_up["id"])["in_review"]
    return top_up


def captured_twice(world: World, customer: Customer) -> dict[str, Any]:
    """A top-up that was paid a second time, in review."""
    top_up = fund_wallet(world, customer)
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


DESK_FLOWS: Mapping[str, Flow] = {
    "desk, block": Flow(block("block"), (APP,)),
    "desk, unblock": Flow(block("unblock"), (APP,)),
    "desk, release of a claim": Flow(release_claim, (APP,)),
    "desk, replay of a webhook": Flow(replay_webhook, (APP,)),
    **{f"proposal of a {kind}": Flow(proposed(kind), (APP,)) for kind in DONE},
    **{f"approval of a {kind}": Flow(approved(kind), (APP,)) for kind in DONE},
    "rejection of a credit": Flow(rejected("credit"), (APP,)),
    "rejection of a refund": Flow(rejected("refund"), (APP,)),
    "approval, too late": Flow(lapsed("credit"), (APP,)),
    "approval, of one's own": Flow(own_proposal, (APP,)),
    "review, accept the amount": Flow(resolved(wrong_amount, "accept_amount", 40_000), (APP,)),
    "review, refund a wrong amount": Flow(resolved(wrong_amount, "refund_attempt", 0, 1), (APP,)),
    "review, apply again": Flow(resolved(wrong_amount, "apply_again", 50_000), (APP,)),
    "review, refund a second capture": Flow(resolved(captured_twice, "refund_attempt", 50_000, 1), (APP,)),
    "review, dismiss": Flow(resolved(captured_twice, "dismiss", 50_000), (APP,)),
    "review, waive": Flow(resolved(taken_too_much, "waive", 0), (APP,)),
    "review, assign": Flow(assigned, (APP,)),
    "review, ended by a refund": Flow(ended_by_itself, (WEBHOOK,)),
}
