"""A wallet in plain integers, against which the stateful model holds the real one."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class WalletModel:
    """What a customer can spend, what refunds hold, and what the wallet could not give back."""

    cash: int = 0
    held: int = 0
    owed: int = 0
    holds: Counter[str] = field(default_factory=Counter)  # by refund
    owes: Counter[str] = field(default_factory=Counter)  # by refund
    came_in: int = 0
    went_out: int = 0

    @property
    def balance(self) -> int:
        return self.cash

    @property
    def available(self) -> int:
        """Promo money would be part of it, and there is none yet."""
        return self.cash

    def credit(self, paise: int) -> None:
        """A top-up pays first what is owed."""
        self.came_in += paise
        self._give(paise, self.owed)

    def spend(self, paise: int) -> bool:
        if paise > self.cash:
            return False
        self.cash -= paise
        self.went_out += paise
        return self._checked()

    def give_back(self, paise: int) -> None:
        """A refund into the wallet pays no debts."""
        self.came_in += paise
        self._give(paise, 0)

    def hold(self, refund: str, paise: int) -> None:
        """A refund holds its money, or what there is of it."""
        part = min(paise, self.cash)
        self.cash -= part
        self.held += part
        self.holds[refund] += part
        self._checked()

    def release(self, refund: str, left: int) -> None:
        """A refund ends without money. `left` is what no other refund has taken of its payment."""
        self.take(refund, 0, left)

    def take(self, refund: str, paise: int, left: int) -> None:
        """A refund has left: what it held goes first, then cash, and the rest is owed.

        What its hold frees is the customer's as far as something is left of the payment. The rest went to them in
        other refunds, and pays what is owed.
        """
        self.went_out += paise
        part = self.holds.pop(refund, 0)
        self.held -= part
        from_hold = min(part, paise)
        freed = part - from_hold
        recovered = min(self.owed, freed - min(freed, max(left - paise, 0)))
        self.owed -= recovered
        self.cash += freed - recovered
        from_cash = min(self.cash, paise - from_hold)
        self.cash -= from_cash
        rest = paise - from_hold - from_cash
        self.owed += rest
        self.owes[refund] += rest
        self._checked()

    def take_back(self, refund: str, paise: int) -> None:
        """The bank returns a refund: its own debt is paid first."""
        self.came_in += paise
        self._give(paise, min(self.owed, self.owes[refund]))

    def _give(self, paise: int, recovered_max: int) -> None:
        recovered = min(paise, recovered_max)
        self.owed -= recovered
        self.cash += paise - recovered
        self._checked()

    def _checked(self) -> bool:
        assert min(self.cash, self.held, self.owed) >= 0
        assert self.cash + self.held - self.owed == self.came_in - self.went_out
        assert self.held == sum(self.holds.values())
        return True
