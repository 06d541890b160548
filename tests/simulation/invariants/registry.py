"""All invariants, under the numbers that the project gives them.

Each check is a function over a world that yields its violations. `ALWAYS` must hold after every step, whatever
failed. `AT_REST` must hold once everything was retried, delivered and reconciled.
"""

from collections.abc import Mapping

from tests.simulation.invariants import desk, disputes, methods, money, parts, photos, privacy, refunds, replies
from tests.simulation.invariants.check import Check
from tests.simulation.world import World

ALWAYS: Mapping[str, Check] = {
    "I1 conservation": money.conservation,
    "I2 running balance": money.running_balance,
    "I3 gapless": money.gapless,
    "I4 never negative": money.never_negative,
    "I4 parts": parts.parts,
    "I5 provenance": money.provenance,
    "I7 append-only": money.append_only,
    "I8 allowed transitions": money.allowed_transitions,
    "I8 allowed transitions of refunds": refunds.allowed_transitions,
    "I8 allowed transitions of disputes": disputes.allowed_transitions,
    "I9 one payment per key": money.one_payment_per_key,
    "I10 one payable order": money.one_payable_order,
    "I11 one default": methods.one_default,
    "I12 soft delete": methods.soft_delete,
    "I12 one owner, one method": methods.one_owner,
    "I13 isolation": privacy.isolation,
    "I14 nothing secret": privacy.nothing_secret,
    "I5 owners": money.owners,
    "I5 pointers": refunds.pointers,
    "I16 variants stored": photos.variants_stored,
    "I17 total balance": money.total_balance,
    "I17 refunded amount": refunds.refunded_amount,
    "I17 contested amount": disputes.contested_amount,
    "I17 open disputes are followed": disputes.followed,
    "I17 holds": refunds.holds,
    "I17 one refund per id": refunds.one_refund_per_id,
    "I17 policy of refunds": refunds.policy,
    "I17 requests within the payment": refunds.requests_within_payment,
    "I17 asked within the capture": desk.asked_within_capture,
    "I17 owed as the records say": desk.owed_is_told,
    "I22 entries have makers": desk.entries_have_makers,
    "I22 four eyes": desk.four_eyes,
    "I22 proposals": desk.proposals_change_as_allowed,
    "I22 reviews can end": desk.reviews_can_end,
    "I22 reviews have makers": desk.reviews_have_makers,
    "I22 ended reviews have rows": desk.ended_reviews_have_rows,
    "I22 one refund per review": desk.one_refund_per_review,
    "I20 documented replies": replies.documented,
    "I21 acknowledged is stored": replies.acknowledged,
    "I21 dry runs": replies.dry_runs,
}
AT_REST: Mapping[str, Check] = {
    "I7 hash chain": money.hash_chain,
    "I7 auditors": money.auditors,
    "I6 captures are credited": money.captures_credited,
    "I6 refunds are recorded": refunds.refunds_recorded,
    "I6 disputes are recorded": disputes.disputes_recorded,
    "I6 refunds end": refunds.refunds_end,
    "I6 refunds are sent": money.refunds_sent,
    "I12 cards agree with Razorpay": methods.cards_agree,
    "I16 no orphan objects": photos.no_orphans,
}
# Invariants that no function over one state can check, and where they are checked instead.
ELSEWHERE: Mapping[str, str] = {
    "I15 event order": "histories.py delivers all events again in another order and compares the tables",
    "I18 no clock in correctness": "histories and the stateful models move the clock by up to days between steps",
    "I19 deadlines": "the world stops a function at its timeout as Lambda would; test_fuzz.py bounds CPU time",
}


def violations(world: World, at_rest: bool = False) -> list[str]:
    """The violations of this world, each with its invariant; empty for a sound world."""
    checks = {**ALWAYS, **AT_REST} if at_rest else ALWAYS
    return [f"{name}: {text}" for name, check in checks.items() for text in check(world)]
