"""Mutants of refunds, limits, offers, fees and the first wallet."""

from collections.abc import Mapping

from tests.simulation.mutant import Mutant, mutant

REQUEST, SEND, APPLY = "shared/refunds/request.py", "shared/refunds/send.py", "shared/refunds/apply.py"
ENTRIES, TRANSITION = "shared/refunds/entries.py", "shared/refunds/transition.py"
LIFECYCLE, API = "shared/refunds/lifecycle.py", "shared/razorpay/api.py"
STARTS, AMOUNTS, CREATE = "shared/payments/starts.py", "shared/payments/amounts.py", "shared/payments/create.py"
LEDGER, WALLET, WEBHOOK = "shared/wallets/ledger.py", "shared/wallets/wallet.py", "shared/payments/webhook.py"
NO_LOOK_UP = (
    SEND,
    "    if reported := _find_at_razorpay(refund):\n        apply_to_paid",
    "    if False:\n        apply_to_paid",
)
NO_KEY = (API, '    headers = {"X-Refund-Idempotency": f"refund-{reference}"}', "    headers: dict[str, str] = {}")
KEEP_HOLD = (TRANSITION, '"held_paise": moves.held_paise,', '"held_paise": max(moves.held_paise, refund.held_paise),')

REFUND_MUTANTS: Mapping[str, Mutant] = {
    # --- sending
    "refund sent again without key and look-up": mutant(
        "After a lost answer Razorpay refunds a second time.", NO_LOOK_UP, NO_KEY, near=("looked up",)
    ),
    "refund without our id": mutant(
        "After a lost answer the refund is not recognized, and taken for another one.",
        (API, '"receipt": reference, "notes": {"refund": reference}', '"receipt": None, "notes": {}'),
        NO_KEY,
        near=("answer",),
    ),
    "refund's key is new each time": mutant(
        "A repeated request refunds again.",
        (REQUEST, "    return str(uuid.uuid5(REFUNDS, json.dumps(", "    return clock.new_id() or str((json.dumps("),
        near=("refund, ", "asked for"),
    ),
    "event without notes is foreign": mutant(
        "An event that overtakes the answer is taken for a refund made in the dashboard.",
        (APPLY, 'if not any(refund.status == "sending"', 'if True or not any(refund.status == "sending"'),
        near=("notes",),
    ),
    "pointer not written": mutant(
        "Razorpay's id leads nowhere, so that the next event is another refund.",
        (APPLY, "    pointer = [] if refund.gateway_refund else [", "    pointer = [] if True else ["),
        near=("pending",),
    ),
    "refund in sending not followed": mutant(
        "What became of a refund without an answer is never learnt.",
        (
            LIFECYCLE,
            'OPEN_STATUSES = ("requested", "sending", "pending")',
            'OPEN_STATUSES = ("requested", "pending")',
        ),
        near=("without an answer", "not sent"),
    ),
    # --- what can be refunded
    "refundable amount not decreased": mutant(
        "What is on its way back can be asked for again.",
        (
            TRANSITION,
            "paid_paise - refunded_paise - refunding_paise - payment.contested_paise)",
            "paid_paise - refunded_paise)",
        ),
        near=("asked for",),
    ),
    "refund above what is left": mutant(
        "Refunds to the wallet together exceed the payment.",
        (REQUEST, "    if not 0 < refund.amount_paise <= left_paise:", "    if not 0 < refund.amount_paise:"),
        near=("to the wallet",),
    ),
    "top-up refunded to the wallet": mutant(
        "A top-up's money is doubled.",
        (REQUEST, "    if payment.purpose == TOP_UP and destination == WALLET:", "    if False:"),
        near=("refund",),
    ),
    # --- holds
    "hold not captured": mutant(
        "A processed refund leaves its money held, and takes as much again.",
        (ENTRIES, "    captured_paise = min(held_paise, amount_paise)", "    captured_paise = held_paise = 0"),
        near=("refund, ", "pending"),
    ),
    "released twice": mutant(
        "A failure that is reported again gives the money back again.",
        (LIFECYCLE, '    "failed": (),', '    "failed": ("failed",),'),
        KEEP_HOLD,
        near=("failed",),
    ),
    "failed refund not released": mutant(
        "The money of a failed refund stays held.",
        (ENTRIES, '        case "failed" | "cancelled":', '        case "cancelled":'),
        near=("failed",),
    ),
    "pending refund holds nothing": mutant(
        "The money of a pending refund can be spent.",
        (ENTRIES, "add(ledger.HOLD, min(counted_paise, head.cash_paise))", "pass"),
        near=("pending",),
    ),
    "request holds nothing": mutant(
        "The money of a refund that is asked for can be spent.",
        (
            ENTRIES,
            '        case "requested" if refund.status == NEW:\n            add(ledger.HOLD, counted_paise)\n',
            "",
        ),
        near=("refund, ", "asked for"),
    ),
    "returned refund not credited": mutant(
        "Money that the bank returned is lost.",
        (ENTRIES, '        case "returned":', '        case "unknown":'),
        near=("returned",),
    ),
    # --- owed
    "hold frees what others took": mutant(
        "The customer spends money of a hold that they have back already, and owes it.",
        (ENTRIES, "min(head.owed_paise, taken_paise)", "0"),
        near=("refunded meanwhile", "closed after a refund"),
    ),
    "hold pays debts of other payments": mutant(
        "A refund that fails pays what the wallet owes for another payment.",
        (
            ENTRIES,
            "recovers_paise = min(head.owed_paise, taken_paise)",
            "recovers_paise = min(head.owed_paise, freed_paise)",
        ),
        near=("wallet that owes",),
    ),
    "debt dropped": mutant(
        "A refund of spent money costs the customer nothing.",
        (LEDGER, "cash - taken, owed + amount_paise - taken", "cash - taken, owed"),
        near=("spent",),
    ),
    "debt recovered from a refund": mutant(
        "A refund into the wallet pays a debt.",
        (LEDGER, 'NEW_MONEY = ("top_up", "adjustment")', 'NEW_MONEY = ("top_up", "adjustment", "refund")'),
        near=("owes",),
    ),
    "debt never recovered": mutant(
        "The next top-up pays no debt.",
        (LEDGER, 'NEW_MONEY = ("top_up", "adjustment")', 'NEW_MONEY = ("adjustment",)'),
        near=("recovers",),
    ),
    # --- starts and captures
    "wallet limit ignores what is open": mutant(
        "Top-ups started in parallel exceed the limit together.",
        (STARTS, "usage.wallet_paise + sum(payment.adds_paise for payment in usage.open)", "usage.wallet_paise"),
        near=("limit",),
    ),
    "starts unconditioned": mutant(
        "Of two starts at once, one is not counted.",
        (STARTS, 'expect={"revision": before}, may_insert=True', "may_insert=True"),
        near=("limit",),
    ),
    "offer credited at the order's amount": mutant(
        "The wallet gets the discount, too.",
        (
            AMOUNTS,
            "return Amounts(paid_paise, ordered_paise - paid_paise, fee_paise)",
            "return Amounts(ordered_paise)",
        ),
        near=("offer",),
    ),
    "fee credited": mutant(
        "The wallet gets the fee that the customer paid to Razorpay.",
        (
            AMOUNTS,
            "    paid_paise = attempt.amount_paise - fee_paise\n    has_offer",
            "    paid_paise = attempt.amount_paise\n    has_offer",
        ),
        (AMOUNTS, "if paid_paise == ordered_paise or (0 <", "if paid_paise - fee_paise == ordered_paise or (0 <"),
        near=("fee",),
    ),
    "blocked wallet spends": mutant(
        "A block does not stop a payment that is being made.",
        (CREATE, "        check_not_blocked(head)\n        if head.cash_paise", "        if head.cash_paise"),
        near=("block",),
    ),
    "unjustified entry": mutant(
        "A debit names no record.",
        (CREATE, 'body["amount"], ledger.by_payment(payment_id))', 'body["amount"], ledger.by_payment(""))'),
        near=("wallet payment", "spend"),
    ),
    "wallet without an owner": mutant(
        "Nobody knows whose wallet it is.",
        (WALLET, "append_opening(opening, customer)", "append(opening)"),
        (WALLET, "import Entry, append_opening,", "import Entry, append,"),
        near=("first",),
    ),
    "unusable event not stored": mutant(
        "An event that nobody could use cannot be replayed.",
        (WEBHOOK, "        keep_webhook(body, signature, event_id, str(error))\n", ""),
        near=("unusable",),
    ),
}
