"""How much a customer may add to the wallet now, and the rules that say so."""

from typing import Literal, cast

from typing_extensions import TypeAliasType, TypedDict

from shared import clock
from shared.errors import WalletBlocked
from shared.http.formats import Money, Time
from shared.money import rupees
from shared.payments.serializers import TOP_UP_FIELDS
from shared.payments.starts import (
    WALLET_LIMIT,
    Rule,
    StartLimits,
    Usage,
    read_counts,
    read_usage,
    refusing_rule,
    rules,
    start_limits,
)
from shared.wallets.wallet import get_wallet

TOP_UP_PAISE_MIN: int = TOP_UP_FIELDS["amount"].minimum_paise  # type: ignore[attr-defined]  # an Amount

LimitName = TypeAliasType(
    "LimitName", Literal["wallet_limit", "open_payments", "starts_per_hour", "failures_per_day"]
)


BindingRule = TypeAliasType(
    "BindingRule",
    Literal["wallet_limit", "open_payments", "starts_per_hour", "failures_per_day", "wallet_blocked"],
)


class RuleBody(TypedDict):
    """Of `wallet_limit`, `used` and `limit` are amounts; of the others they are numbers."""

    name: LimitName
    used: Money | int
    limit: Money | int
    resets_at: Time | None


class LimitsBody(TypedDict):
    """`rule` is the one that binds: the first that refuses a start, or else the wallet limit."""

    may_add: Money
    rule: BindingRule
    rules: list[RuleBody]


def read_limits(customer: str) -> LimitsBody:
    """The customer's limits as they stand now."""
    usage = read_usage(customer, read_counts(customer), get_wallet)
    limits = start_limits()
    paise, binding = may_add(usage, limits)
    return {
        "may_add": rupees(paise),
        "rule": cast(BindingRule, binding),
        "rules": [_rule_body(rule) for rule in rules(usage, limits)],
    }


def may_add(usage: Usage, limits: StartLimits) -> tuple[int, str]:
    """The paise that a top-up may add now, and the name of the rule that binds."""
    if usage.is_blocked:
        return 0, WalletBlocked.code
    if rule := refusing_rule(usage, limits, TOP_UP_PAISE_MIN):
        return 0, rule.name
    wallet_limit = rules(usage, limits)[0]
    return wallet_limit.limit - wallet_limit.used, WALLET_LIMIT


def _rule_body(rule: Rule) -> RuleBody:
    is_amount = rule.name == WALLET_LIMIT
    return {
        "name": cast(LimitName, rule.name),
        "used": rupees(rule.used) if is_amount else rule.used,
        "limit": rupees(rule.limit) if is_amount else rule.limit,
        "resets_at": clock.iso(rule.resets_us) if rule.resets_us else None,
    }
