"""Mutants: small edits of the code, each of which gets money wrong or loses a photo. A search must detect each.

An edit's `old` text must occur in its file exactly once. When the code changes, the mutant follows it.
"""

from collections.abc import Mapping

from tests.simulation.desk_mutants import DESK_MUTANTS
from tests.simulation.mutant import Mutant
from tests.simulation.mutant import mutant as _mutant
from tests.simulation.refund_mutants import REFUND_MUTANTS

DYNAMODB, MONEY, REMOVAL = "shared/aws/dynamodb.py", "shared/money.py", "shared/images/removal.py"
APPLY, LIFECYCLE, CREATE = "shared/payments/apply.py", "shared/payments/lifecycle.py", "shared/payments/create.py"
REFUNDS, WEBHOOK, VERIFY = "shared/refunds/apply.py", "shared/payments/webhook.py", "shared/payments/verify.py"
AMOUNTS = "shared/payments/amounts.py"
RECONCILE, METHODS = "shared/payments/reconcile.py", "shared/payment_methods/methods.py"
ENTRIES, LEDGER = "shared/wallets/models.py", "shared/wallets/ledger.py"
TRANSITION, REFUND_ENTRIES = "shared/refunds/transition.py", "shared/refunds/entries.py"
REPORT, LISTS = "shared/refunds/report.py", "shared/payments/reconcile_lists.py"
FIND, MODELS = "shared/payments/find.py", "shared/payments/models.py"
IF_PAID = "    if payment.is_paid:"  # a report on a paid payment changes nothing
IS_UNCREDITED = '        expect={"gateway_payment": None},\n'
APPEND_CREDIT = "blocked = append(entry, _capture_update(payment, values, source, event_id, *notes))"

CONTROL = "control"  # an unchanged copy: a search that sees something here would see it in any copy
LOOKS = "    *(partial(follow_list, name) for name in LISTS),\n    read_recent_payments,\n"  # both find a lost report

MUTANTS: Mapping[str, Mutant] = {
    # --- writes and their conditions
    "entry inserted without its condition": _mutant(
        "A second entry with the same number overwrites the first.",
        (DYNAMODB, "transaction.save(row, condition=_condition(write))", "transaction.save(row)"),
    ),
    "entry first, payment second": _mutant(
        "A crash between two single writes leaves a credit whose payment is not captured.",
        (
            APPLY,
            APPEND_CREDIT,
            "blocked = append(entry) or not execute(_capture_update(payment, values, source, event_id))",
        ),
    ),
    "payment first, entry second": _mutant(
        "A crash between two single writes leaves a captured payment without its credit.",
        (
            APPLY,
            APPEND_CREDIT,
            "blocked = not execute(_capture_update(payment, values, source, event_id)) or append(entry)",
        ),
    ),
    "credit not guarded by the payment's status": _mutant(
        "Two callers that read the same payment both credit it.",
        (APPLY, APPEND_CREDIT, "blocked = append(entry, Update(payment, values))"),
    ),
    "payment inserted without its condition": _mutant(
        "A second request with the same key overwrites the payment.",
        (DYNAMODB, "row.save(condition=_condition(write))", "row.save()"),
    ),
    "newest entry read without consistency": _mutant(
        "The balance is an old one.",
        (ENTRIES, "scan_index_forward=False, limit=1, consistent_read=True", "scan_index_forward=False, limit=1"),
    ),
    "conflict counts as applied": _mutant(
        "A transaction that lost against another one is reported as done.",
        (
            APPLY,
            f"    {APPEND_CREDIT}\n",
            "    from shared.aws.dynamodb_errors import TransactionConflict\n\n"
            f"    try:\n        {APPEND_CREDIT}\n"
            "    except TransactionConflict:\n        return ApplyResult(payment, captured=True)\n",
        ),
    ),
    "blocked write counts as applied": _mutant(
        "A transaction whose condition failed is reported as done.",
        (APPLY, "    if blocked:\n        return None\n", ""),
    ),
    "owner of a lost wallet stops its opening": _mutant(
        "A wallet whose entries a restore lost is never opened again, so no payment is credited to it.",
        (ENTRIES, "append(entry, Overwrite(WalletOwner(", "append(entry, Insert(WalletOwner("),
        near=("after a restore",),
    ),
    # --- idempotency
    "key names a new payment each time": _mutant(
        "A retried request starts a second payment.",
        (CREATE, "if key else clock.new_id()", "if not key else clock.new_id()"),
    ),
    "wallet payment does not look up its key": _mutant(
        "A retried request is checked against the balance that its first attempt left.",
        (
            CREATE,
            "        if earlier := get_payment(customer, payment_id):\n            return _replay(earlier, body)\n"
            "        _attributes_to_open_on(",
            "        _attributes_to_open_on(",
        ),
    ),
    "wallet balance read only once": _mutant(
        "A retry after a conflict spends the balance that was read before it.",
        (
            CREATE,
            "        head = get_wallet(customer) if dry_run else open_wallet(customer)\n"
            "        payment = _new_payment(",
            "        head = open_wallet(customer)\n"
            "        try_pay.cash_paise = getattr(try_pay, 'cash_paise', head.cash_paise)\n"
            "        head.cash_paise = try_pay.cash_paise\n        payment = _new_payment(",
        ),
    ),
    # --- applying an attempt
    "authorized money credited": _mutant(
        "An authorization may never be captured.",
        (
            APPLY,
            '    if attempt.status == "captured":\n        return _apply_capture(',
            '    if attempt.status in ("captured", "authorized"):\n        return _apply_capture(',
        ),
    ),
    "failed is final": _mutant(
        "A late authorization after a failed attempt is not credited.",
        (LIFECYCLE, '"failed": ("authorized", "captured"),', '"failed": (),'),
    ),
    "captured amount not compared": _mutant(
        "A capture of another amount credits the wallet.",
        (AMOUNTS, "\n    return None\n", "\n    return Amounts(attempt.amount_paise)\n"),
    ),
    "currency not compared": _mutant(
        "A capture in dollars credits rupees.", (APPLY, 'if attempt.currency != "INR":', "if False:")
    ),
    "second capture of an order credited": _mutant(
        "An order that is paid twice credits twice.",
        (APPLY, 'if payment.is_paid and attempt.status == "captured":', "if False:"),
        (APPLY, IF_PAID, f"{IF_PAID[:-1]} and payment.gateway_payment == attempt.id:"),
        (APPLY, IS_UNCREDITED, ""),
        (LIFECYCLE, '"captured": ("partially_refunded", "refunded"),', '"captured": ("captured", "refunded"),'),
    ),
    "verify trusts the app's order": _mutant(
        "The genuine signature of a cheap order pays an expensive one.",
        (
            VERIFY,
            "checkout_signature_matches(payment.gateway_order, attempt_id",
            'checkout_signature_matches(body["razorpay_order_id"], attempt_id',
        ),
        (APPLY, "if attempt.order != payment.gateway_order:", "if False:"),
    ),
    "late event undoes a capture": _mutant(
        "A failed event that arrives after the capture takes the payment back.",
        (LIFECYCLE, '"captured": ("partially_refunded", "refunded"),', '"captured": ("failed", "refunded"),'),
        (APPLY, IF_PAID, f"{IF_PAID[:-1]} and attempt.status != 'failed':"),
    ),
    "credit above the wallet limit dropped": _mutant(
        "A captured payment that exceeds the wallet's limit is not credited.",
        (
            APPLY,
            '        notes.append("wallet_limit_passed")',
            '        return ApplyResult(payment)\n        notes.append("wallet_limit_passed")',
        ),
        near=("above the wallet limit",),
    ),
    "rupees pass through a float": _mutant(
        "19.99 becomes 1998 paise.",
        (
            MONEY,
            'paise = int("".join(map(str, digits))) * int(10 ** (exponent + PLACES))',
            "paise = int(float(text) * 100)",
        ),
    ),
    # --- refunds
    "refund not recorded": _mutant(
        "A refund event that is delivered again debits again.",
        (TRANSITION, "append(*moves.entries, record, *writes, change)", "append(*moves.entries, change)"),
    ),
    "refund of spent money forgotten": _mutant(
        "What the wallet no longer has is not owed.",
        (
            REFUND_ENTRIES,
            "    if rest_paise := amount_paise - captured_paise:",
            "    if rest_paise := min(amount_paise - captured_paise, head.cash_paise):",
        ),
    ),
    "refund of another attempt applied": _mutant(
        "The refund of a second capture of the order debits the first one's credit.",
        (REFUNDS, "    if current.gateway_payment != attempt.id:", "    if False:"),
        (REFUNDS, "if payment.gateway_payment != reported.payment or reported", "if reported"),
    ),
    "refunded amount not guarded": _mutant(
        "Of two refunds at once, the payment's refunded amount contains only one.",
        (TRANSITION, "expect=expect, expect_status=PAID_STATUSES", "expect_status=PAID_STATUSES"),
    ),
    "refunded payment credited again": _mutant(
        "A capture's event that arrives after its full refund credits the money that was given back.",
        (APPLY, IF_PAID, f"{IF_PAID[:-1]} and payment.status != 'refunded':"),
        (APPLY, IS_UNCREDITED, ""),
    ),
    "refunded authorization counts as paid": _mutant(
        "After the refund of an attempt that was never captured, the capture of another one is only reviewed.",
        (
            MODELS,
            "self.status in PAID_STATUSES and (self.gateway_payment is not None or self.source == WALLET)",
            "self.status in PAID_STATUSES",
        ),
    ),
    # --- refunds and captures that no webhook reports
    "refunded amount of a payment ignored": _mutant(
        "Sync of a paid payment does not learn its refunds.",
        (REPORT, "    if not is_other and payment.refunds_due_us is None:", "    if payment.refunds_due_us is None:"),
        near=("sync, a refund",),
    ),
    "list of refunds not followed": _mutant(
        "A refund without a webhook is never learnt, and the customer spends money that was given back.",
        (RECONCILE, LOOKS, '    *(partial(follow_list, name) for name in LISTS if name != "list:refunds"),\n'),
        near=("reconcile, lists",),
    ),
    "list of payments not followed": _mutant(
        "A second capture without a webhook is never reviewed.",
        (RECONCILE, LOOKS, '    *(partial(follow_list, name) for name in LISTS if name != "list:payments"),\n'),
        near=("reconcile, lists",),
    ),
    "list moves past a failure": _mutant(
        "A refund that could not be applied at once is not looked at again.",
        (LISTS, "                window.is_whole = False\n                continue\n", "                continue\n"),
        near=("reconcile, lists",),
    ),
    "list looks from now on": _mutant(
        "What was created between two looks is in neither of them.",
        (
            LISTS,
            "page = LISTS[name].read(until_s - OVERLAP_S, to_s, skip)",
            "page = LISTS[name].read(to_s, to_s, skip)",
        ),
        near=("reconcile, lists",),
    ),
    "pending refund not followed": _mutant(
        "A refund that was pending when the list was read, and is processed later, is never learnt.",
        (RECONCILE, "    reconcile_refunds,\n", ""),
        near=("reconcile, a pending refund",),
    ),
    # --- webhooks and the reconciler
    "unapplied webhook acknowledged": _mutant(
        "Razorpay does not send the event again.",
        (WEBHOOK, "import NotAuthenticated", "import NotAuthenticated, ServiceUnavailable"),
        (
            WEBHOOK,
            "    except UnexpectedPayload as error:",
            "    except ServiceUnavailable:\n"
            '        return WebhookResult("unusable")\n'
            "    except UnexpectedPayload as error:",
        ),
        near=("webhook, captured",),
    ),
    "order missing from the index ignored": _mutant(
        "An event that overtakes the index is acknowledged without effect.",
        (
            FIND,
            "        return payment\n    try:\n        order = api.fetch_order(",
            "        return payment\n    return None\n    try:\n        order = api.fetch_order(",
        ),
        near=("webhook, captured",),
    ),
    "reconciler stops after a failure": _mutant(
        "A failed attempt that the bank accepts later is never credited if its webhook is lost.",
        (
            RECONCILE,
            "elif payment.status in PAID_STATUSES or is_last:",
            'elif payment.status != "created" or is_last:',
        ),
        (RECONCILE, LOOKS, "    *(partial(follow_list, name) for name in LISTS),\n"),  # they would find it too
        near=("reconcile, after a failure",),
    ),
    # --- payment methods
    "default may point at a deleted method": _mutant(
        "A deletion does not check that the method has not become the default meanwhile.",
        (METHODS, "blocked = transact(clear, update)", "blocked = transact(*[clear] * is_default, update)"),
        near=("default, delete",),
    ),
    "deleted method may become the default": _mutant(
        "Moving the default does not check that the method is still active.",
        (METHODS, "transact(Require(method, IS_ACTIVE), Overwrite(pointer))", "transact(Overwrite(pointer))"),
        near=("default, delete",),
    ),
    "card of a lost event not read again": _mutant(
        "A card stays active here that Razorpay has deactivated.",
        (CREATE, "    if method and asks_razorpay:", "    if False:"),
        near=("lost event",),
    ),
    # --- photos
    "sweeper deletes a photo that became ready": _mutant(
        "The sweeper acts on the status that it listed, and ends a photo that is no longer due.",
        (REMOVAL, "image.open is None or (image.next_check_at_us", "(image.next_check_at_us"),
        (REMOVAL, 'return _purge(image, at_us) if image.status == DELETED else ""', "return _purge(image, at_us)"),
        near=("compress, sweep", "compress again, sweep"),
    ),
    **REFUND_MUTANTS,
    **DESK_MUTANTS,
}
