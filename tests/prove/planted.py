"""Ways to get money wrong, or to lose a photo, each a small change made in a copy, and the hunt that must catch each.

`old` must be in the file exactly once: when the code moves on, its planted bug moves with it.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.template import ROOT

Replacements = tuple[tuple[str, str, str], ...]  # file, old, new
SEEDS_MAX = 2_000
HUNT_TIMEOUT_S = 900
COPIED = ("shared", "functions", "local", "tests", "template.yaml", "openapi.json")

STORE, PAYMENTS, WALLET, MONEY = "shared/store.py", "shared/payments.py", "shared/wallet.py", "shared/money.py"
IMAGES = "shared/images.py"
APPEND_CREDIT = "blocked = store.append(entry, Change(payment, values, status_in=before))"

NOTHING = "nothing"  # the control: what a hunt sees here it would see in any copy
PLANTED: Mapping[str, Replacements] = {
    "an entry is put without its condition": (
        (STORE, "transaction.save(put.item, condition=_absent(put.item))", "transaction.save(put.item)"),
    ),
    "the entry first, then the payment": (
        (
            PAYMENTS,
            APPEND_CREDIT,
            "blocked = store.append(entry) or [None] * (not store.write(Change(payment, values, status_in=before)))",
        ),
    ),
    "the payment first, then the entry": (
        (
            PAYMENTS,
            APPEND_CREDIT,
            "blocked = [None] * (not store.write(Change(payment, values, status_in=before))) or store.append(entry)",
        ),
    ),
    "the entry without the payment's state as its guard": (
        (PAYMENTS, APPEND_CREDIT, "blocked = store.append(entry, Change(payment, values))"),
    ),
    "a payment is put without its condition": (
        (STORE, "one.item.save(condition=_absent(one.item))", "one.item.save()"),
    ),
    "a key names another payment each time": (
        (PAYMENTS, "if key else clock.new_id()", "if not key else clock.new_id()"),
    ),
    "a wallet payment does not look for its key first": (
        (
            PAYMENTS,
            "        if before := store.payment(customer, payment_id):\n            return _replay(before, request)\n"
            "        _opening_on(",
            "        _opening_on(",
        ),
    ),
    "the newest entry is read without consistency": (
        (STORE, "scan_index_forward=False, limit=1, consistent_read=True", "scan_index_forward=False, limit=1"),
    ),
    "a conflict counts as done": (
        (
            PAYMENTS,
            "    except Contended:\n        return None\n    if blocked:",
            "    except Contended:\n        return Settled(payment, credited=True)\n    if blocked:",
        ),
    ),
    "what was blocked counts as done": ((PAYMENTS, "    if blocked:\n        return None\n", ""),),
    "authorised money is credited": (
        (
            PAYMENTS,
            'if told.status == "captured" and "captured" in TRANSITIONS',
            'if told.status in ("captured", "authorized") and "captured" in TRANSITIONS',
        ),
    ),
    "failed is final": ((PAYMENTS, '"failed": ("authorized", "captured"),', '"failed": (),'),),
    "the amount captured is not compared": (
        (PAYMENTS, "if told.amount_paise != payment.amount_paise:", "if False:"),
    ),
    "the currency is not compared": ((PAYMENTS, 'if told.currency != "INR":', "if False:"),),
    "a second capture on one order is credited": (
        (PAYMENTS, "if payment.status in CREDITED and payment.gateway_payment != told.id and", "if False and"),
        (PAYMENTS, '"captured": ("partially_refunded", "refunded"),', '"captured": ("captured", "refunded"),'),
    ),
    "verify trusts the order that the app sends": (
        (
            PAYMENTS,
            "payment.gateway_order, gateway_payment, signature\n",
            'shown_by_app["razorpay_order_id"], gateway_payment, signature\n',
        ),
        (PAYMENTS, "if told.order != payment.gateway_order:", "if False:"),
    ),
    "late news takes a captured payment back": (
        (PAYMENTS, '"captured": ("partially_refunded", "refunded"),', '"captured": ("failed", "refunded"),'),
        (PAYMENTS, "TRANSITIONS[payment.status] or payment.status in CREDITED:", "TRANSITIONS[payment.status]:"),
    ),
    "money that passes the cap is dropped": (
        (
            PAYMENTS,
            "    if over_cap:  #",
            "    if over_cap:\n        return Settled(payment)\n    if over_cap:  #",
        ),
    ),
    "a refund leaves no record behind": (
        (PAYMENTS, "store.append(entry, guard, change)", "store.append(entry, change)"),
    ),
    "a refund of money already spent goes below zero": (
        (PAYMENTS, "if head.balance_paise < refund.amount_paise:", "if False:"),
        (WALLET, "if amount_paise <= 0 or balance_paise < 0:", "if amount_paise <= 0:"),
    ),
    "a refund of another payment on the order is taken back": (
        (PAYMENTS, "if payment.gateway_payment != refund.payment or refund", "if refund"),
    ),
    "a refund reads the payment once and its amount never again": (
        (PAYMENTS, '        unchanged={"refunded_paise": payment.refunded_paise},\n', ""),
    ),
    "a webhook that could not be applied is thanked for": (
        (
            PAYMENTS,
            "    except gateway.Unusable:\n        return Received",
            "    except (gateway.Unusable, Unavailable):\n        return Received",
        ),
    ),
    "an order that the index does not know yet is ignored": (
        (
            PAYMENTS,
            "        return known\n    try:\n        order = gateway.order(",
            "        return known\n    return None\n    try:\n        order = gateway.order(",
        ),
    ),
    "the reconciler stops asking once a payment has failed": (
        (PAYMENTS, "if payment.status in CREDITED or checks >=", 'if payment.status != "created" or checks >='),
    ),
    "the wallet is spent as it was when it was first read": (
        (
            PAYMENTS,
            "        head = wallet.newest(customer)\n        new = _new(payment_id, customer, PAYMENT, WALLET",
            "        head = wallet.newest(customer)\n        known = head.balance_paise if _ == 0 else known\n"
            "        head.balance_paise = known\n        new = _new(payment_id, customer, PAYMENT, WALLET",
        ),
    ),
    "rupees pass through a float": (
        (
            MONEY,
            'paise = int("".join(map(str, digits))) * int(10 ** (exponent + PLACES))',
            "paise = int(float(text) * 100)",
        ),
    ),
    "the default may point at a method that is being forgotten": (
        (
            STORE,
            "transaction.condition_check(PaymentMethod, method.customer, DEFAULT, condition=elsewhere)",
            "pass",
        ),
    ),
    "a method that is gone may become the default": (
        (
            STORE,
            "transaction.condition_check(PaymentMethod, method.customer, method.id, condition=_ACTIVE)",
            "pass",
        ),
    ),
    "the sweeper takes a photo for deleted that became ready after it was listed": (
        (IMAGES, "image.open is None or (image.next_check_at_us", "(image.next_check_at_us"),
        (IMAGES, 'return _purged(image, at_us) if image.status == DELETED else ""', "return _purged(image, at_us)"),
    ),
}


@dataclass(frozen=True)
class Caught:
    """Which search saw the bug, after how many runs, and what it saw; by nothing when it was not seen."""

    bug: str
    by: str
    runs: int
    saw: str

    @property
    def is_right(self) -> bool:
        """A bug is caught, and nothing where there is none."""
        return bool(self.by) != (self.bug == NOTHING)

    @property
    def told(self) -> str:
        seen = f"{self.by}, run {self.runs}: {self.saw[:150]}" if self.by else f"not caught in {self.runs} runs"
        return f"{self.bug}: {seen}"


def patched(bug: str, root: Path = ROOT) -> dict[str, str]:
    """The files of a planted bug as they would be; ValueError when one no longer fits."""
    texts: dict[str, str] = {}
    for name, old, new in PLANTED.get(bug, ()):
        text = texts.get(name) or (root / name).read_text()
        if text.count(old) != 1:
            raise ValueError(f"{bug}: its line is {text.count(old)} times in {name}")
        texts[name] = text.replace(old, new)
    return texts


def hunt_in_a_copy(bug: str) -> Caught:
    """Plant the bug in a copy of the code, and hunt it there with the same searches."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=ignored)
            else:
                shutil.copy(source, copy / name)
        for name, text in patched(bug).items():
            (copy / name).write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "tests.prove", "hunt", str(SEEDS_MAX)],
            cwd=copy,
            capture_output=True,
            text=True,
            timeout=HUNT_TIMEOUT_S,
        )
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        raise RuntimeError(f"{bug}: the hunt itself failed: {done.stderr[-2_000:]}")
    return Caught(bug, **json.loads(lines[-1]))


def hunt(seeds_max: int) -> dict[str, object]:
    """Search the code as it stands until something is wrong: a run of each search in turn."""
    searches = {"crash points": _crashes(), "interleavings": _meetings(), "simulation": _seeds(seeds_max)}
    runs = dict.fromkeys(searches, 0)
    while searches:
        for by, results in list(searches.items()):
            runs[by] += 1
            try:
                found = next(results, None)
            except Exception as error:  # a bug may break a flow altogether: that is seen too
                found = [f"{type(error).__name__}: {error}"]
            if found:
                return {"by": by, "runs": runs[by], "saw": found[0]}
            if found is None:
                del searches[by]
    return {"by": "", "runs": sum(runs.values()), "saw": ""}


def _crashes() -> Iterator[list[str]]:
    from tests.prove import crashes

    for case in crashes.every_case():
        yield crashes.check(case)


def _meetings() -> Iterator[list[str]]:
    from tests.prove.interleavings import MEETINGS, every_order

    for name in MEETINGS:
        yield from every_order(name)


def _seeds(seeds_max: int) -> Iterator[list[str]]:
    from tests.prove.simulation import simulate

    for seed in range(seeds_max):
        yield simulate(seed).violations
