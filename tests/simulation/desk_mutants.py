"""Mutants of disputes and of the desk."""

from collections.abc import Mapping

from tests.simulation.mutant import Mutant, mutant

ENTRIES, TRANSITION = "shared/disputes/entries.py", "shared/disputes/transition.py"
LIFECYCLE, EFFECTS = "shared/disputes/lifecycle.py", "shared/desk/effects.py"
DECISIONS, ACTIONS = "shared/desk/decisions.py", "shared/desk/actions.py"
WEBHOOKS, RECORD = "shared/desk/webhooks.py", "shared/desk/review_record.py"
REVIEW, RESOLVE, AUDIT = "shared/payments/review.py", "shared/desk/resolve.py", "shared/audit.py"
LISTS, RECENT = "shared/payments/reconcile_lists.py", "shared/payments/reconcile_recent.py"
RECONCILE = "shared/payments/reconcile.py"
METHODS, REFUNDS = "shared/payment_methods/models.py", "shared/refunds/apply.py"

DESK_MUTANTS: Mapping[str, Mutant] = {
    # --- disputes
    "dispute that was won keeps its hold": mutant(
        "The customer never gets the held money back.",
        (ENTRIES, 'if status in ("lost", "won", "closed"):', 'if status == "lost":'),
        near=("dispute",),
    ),
    "dispute takes what was refunded": mutant(
        "A refund and a dispute together take more than was paid.",
        (TRANSITION, "min(amount_paise, max(0, (payment.paid_paise or 0) - taken_paise))", "amount_paise"),
        near=("dispute, the next phase", "dispute lost, refund"),
    ),
    "lost dispute not noted on its payment": mutant(
        "What the bank took can be asked for again.",
        (TRANSITION, '"lost_paise": lost_paise or None,', '"lost_paise": payment.lost_paise,'),
        near=("dispute",),
    ),
    "contested amount can be refunded": mutant(
        "Staff refund what the bank is about to take.",
        (TRANSITION, "payment.refunding_paise + disputed_paise + lost_paise", "payment.refunding_paise + lost_paise"),
        near=("dispute",),
    ),
    "dispute opens again": mutant(
        "A late event of a dispute that was won holds the money again.",
        (LIFECYCLE, '    "won": (),', '    "won": ("open", "under_review"),'),
        near=("dispute",),
    ),
    "event takes a dispute back": mutant(
        "A late event of a dispute that was answered calls for an answer again.",
        (LIFECYCLE, "(is_current or (before, after) != BACKWARD)", "True"),
        near=("dispute opened, under review",),
    ),
    "old answer takes a dispute back": mutant(
        "What Razorpay said before our evidence arrived undoes the event that says so.",
        ("shared/disputes/apply.py", "is_current = dispute.updated_at_us == asked_us", "is_current = asked_us > 0"),
        near=("evidence answered",),
    ),
    "dispute stays under review": mutant(
        "The bank requires more evidence, and no alarm is raised before its time is over.",
        (LIFECYCLE, '"under_review": ("open", "won",', '"under_review": ("won",'),
        near=("requires evidence again",),
    ),
    "open dispute is not followed": mutant(
        "A dispute whose end no webhook reports holds the customer's money for good.",
        (TRANSITION, '"open": OPEN_DISPUTE if is_open else None,', '"open": None,'),
        near=("reconcile, a dispute",),
    ),
    "listed dispute is not recorded": mutant(
        "A dispute that no webhook reports is never answered.",
        (
            LISTS,
            'return apply_dispute(payment, attempt, dispute, source="list") if payment else None',
            'return apply_report(payment, attempt, "list") if payment else None',
        ),
        near=("reconcile, a listed",),
    ),
    "first look goes back a day": mutant(
        "A stack whose reconciler begins late never learns of a dispute without its event.",
        (LISTS, "FIRST_LOOK_S = 5 * 86_400", "FIRST_LOOK_S = 86_400"),
        (RECENT, "180 * 86_400", "86_400"),  # it would find the dispute too
        near=("before the first look",),
    ),
    "ended dispute is not read again": mutant(
        "A dispute that was won is lost in its next phase, and the wallet keeps the money.",
        (RECONCILE, "    read_recent_disputes,\n)", ")"),
        near=("the next phase of a dispute",),
    ),
    # --- proposals
    "maker approves": mutant(
        "One person adjusts a wallet alone.",
        (DECISIONS, "        if proposal.proposed_by == staff:", "        if False:"),
        (DECISIONS, ', expect_not={"proposed_by": staff})', ")"),
        near=("approval",),
    ),
    "adjustment without its proposal": mutant(
        "An approval that is repeated adjusts again.",
        (EFFECTS, "append(entry, _done(proposal))", "append(entry)"),
        near=("approval",),
    ),
    "waiver gives cash": mutant(
        "A wallet keeps what it owes and gets money.",
        (EFFECTS, "        recovers_paise = amount_paise", "        recovers_paise = 0"),
        near=("waiver",),
    ),
    # --- what one does alone
    "block without its record": mutant(
        "Nobody is named for a block.",
        (ACTIONS, "append(entry, Insert(action))", "append(entry)"),
        near=("block",),
    ),
    "release does not notice a card": mutant(
        "A card that is saved meanwhile belongs to nobody's customer at Razorpay.",
        (METHODS, '{"owner": customer, "saved": saved}', '{"owner": customer}'),
        near=("claim",),
    ),
    "replay stays in the list": mutant(
        "Two of the staff replay one webhook.",
        (
            WEBHOOKS,
            'transact(Update(webhook, {"open": None}, expect={"open": OPEN}), Insert(action))',
            "transact(Insert(action))",
        ),
        near=("replay",),
    ),
    "refund does not end its review": mutant(
        "A second capture that was refunded waits for staff.",
        (REFUNDS, "ApplyResult(leave_review(payment, attempt, source, event_id))", "ApplyResult(payment)"),
        near=("review, ended",),
    ),
    "returned refund of a payment is not reviewed": mutant(
        "The bank sent the money back, and nobody pays the customer.",
        (REFUNDS, 'if may_be_back and refund.status == "returned":', "if False:"),
        near=("review, a refund returned",),
    ),
    "failed refund of an attempt is not reviewed": mutant(
        "The review has ended, and the merchant keeps the second capture.",
        (REFUNDS, 'if reported.status == "failed" and is_left:', "if False:"),
        near=("review, the refund of an attempt",),
    ),
    "review is resolved and its mark stays open": mutant(
        "A payment waits for staff who have dealt with it.",
        (
            RECORD,
            "resolution(item.payment, item.mark) if is_open(marks_of(item.payment)[item.mark]) else {}",
            "{}",
        ),
        near=("review,",),
    ),
    "review ends by itself and its row stays open": mutant(
        "Who opens the review again finds nothing, and nothing says how it ended.",
        (REVIEW, "if not (blocked := transact(leave, *rows)):", "if not (blocked := transact(leave)):"),
        near=("review, ended", "review dismissed"),
    ),
    "review is refused and its row stays open": mutant(
        "An action is refused because later facts ended the review, which no list of ended ones shows.",
        (RECORD, "        if not is_open(marks[item.mark]):", "        if False:"),
        near=("review, accepted too late",),
    ),
    "refused action does not notice the end of its review": mutant(
        "The row of a review that ends in this moment stays open.",
        (RECORD, "transact(give_up, unchanged)", "transact(give_up)"),
        near=("review refused",),
    ),
    "large review needs one person": mutant(
        "One member of staff sends back as much as there is.",
        (RESOLVE, "if needs_approval(item.payment, amount_paise, besides=item.id):", "if False:"),
        near=("proposal of a second", "proposal of a wrong"),
    ),
    "approved review without its proposal": mutant(
        "The money has moved, and the proposal waits until it lapses.",
        (RECORD, "writes = (alongside(),) if alongside else ()", "writes: tuple[Write, ...] = ()"),
        near=("approval of a second", "approval of a wrong"),
    ),
    "owed money is counted again with each entry": mutant(
        "The alarm watches a sum that nobody owes.",
        (AUDIT, "entry.owed_paise - (previous.owed_paise if previous else 0)", "entry.owed_paise"),
        near=("of spent money", "a credit after the loss"),
    ),
}
