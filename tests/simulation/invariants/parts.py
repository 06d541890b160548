"""Each wallet in plain integers, entry by entry."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.simulation.invariants.check import Findings
from tests.simulation.world import World


def parts(world: World) -> Findings:
    """Cash, holds and debts of each wallet are what its entries make of them, one after another."""
    for customer in world.customers:
        wallet = Parts()
        for entry in world.entries(customer):
            wallet.apply(entry)
            found = tuple(int(entry[f"{name}_paise"]) for name in ("cash", "held", "owed"))
            if found != (wallet.cash, wallet.held, wallet.owed):
                yield f"entry {entry['seq']} of {customer.name}, a {entry['kind']}, leaves {found}"
                break


def payment_of(by: str) -> str:
    """The payment of the record that justifies an entry: `r:<payment>/<refund>` is one of its refunds."""
    return by.partition(":")[2].partition("/")[0]


class Parts:
    """A wallet in plain integers. This too repeats the code's rules on purpose."""

    def __init__(self) -> None:
        self.cash = self.held = self.owed = 0
        self.holds: Counter[str] = Counter()  # by the record that holds
        self.owes: Counter[str] = Counter()  # by the record that was not covered
        self.left: Counter[str] = Counter()  # by payment: what refunds and disputes have not taken

    def apply(self, entry: Mapping[str, Any]) -> None:
        amount, by = int(entry["amount_paise"]), entry["by"]
        self.left[payment_of(by)] += {"credit": amount, "debit": -amount, "capture": -amount}.get(entry["kind"], 0)
        match entry["kind"], entry["category"]:
            case "credit", "top_up":
                self._credit(amount, self.owed)
            case "credit", "refund":  # into the wallet, or returned: then its own debt is paid
                self._credit(amount, min(self.owed, self.owes[by]))
            case "credit", "adjustment":  # a waiver too, which is at most what is owed
                self._credit(amount, self.owed)
            case "debit", "payment" | "adjustment":
                self.cash -= amount
            case "debit", "refund" | "dispute":
                taken = min(self.cash, amount)
                self.cash -= taken
                self.owed += amount - taken
                self.owes[by] += amount - taken
            case "hold", _:
                self.cash -= amount
                self._hold(by, amount)
            case "release", _:
                self._free(by, amount)
                self._hold(by, -amount)
            case "capture", _:
                self._free(by, self.holds[by] - amount)
                self._hold(by, -self.holds[by])

    def _credit(self, amount: int, recovered_max: int) -> None:
        recovered = min(amount, recovered_max)
        self.owed -= recovered
        self.cash += amount - recovered

    def _free(self, by: str, amount: int) -> None:
        """What a hold frees is cash, except what others took of its payment: that pays what is owed."""
        recovered = min(self.owed, max(0, amount - max(0, self.left[payment_of(by)])))
        self.owed -= recovered
        self.cash += amount - recovered

    def _hold(self, by: str, amount: int) -> None:
        self.held += amount
        self.holds[by] += amount
