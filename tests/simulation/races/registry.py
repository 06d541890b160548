"""All races, and which of them are not run in every order."""

from collections.abc import Callable, Mapping

from tests.simulation.races.desk import DESK_RACES, LONG_DESK_RACES
from tests.simulation.races.disputes import DISPUTE_RACES, LONG_DISPUTE_RACES
from tests.simulation.races.methods import METHOD_RACES
from tests.simulation.races.payments import LIST_RACES, PAYMENT_RACES
from tests.simulation.races.photos import COMPRESSOR_RACES, PHOTO_RACES
from tests.simulation.races.race import Race
from tests.simulation.races.refunds import LONG_RACES, REFUND_RACES, SENDING_RACES
from tests.simulation.races.reviews import LARGE_REVIEW_RACES, LONG_REVIEW_RACES, REVIEW_RACES
from tests.simulation.races.wallets import WALLET_RACES
from tests.simulation.world import World

RACES: Mapping[str, Callable[[World], Race]] = {
    **PAYMENT_RACES,
    **REFUND_RACES,
    **WALLET_RACES,
    **DISPUTE_RACES,
    **DESK_RACES,
    **REVIEW_RACES,
    **METHOD_RACES,
    **PHOTO_RACES,
}
# A compressor makes fourteen calls, nearly all of them on one row, and the reconciler as many on few tables: every
# order would be too many.
SWITCHES_MAX: Mapping[str, int] = {
    **dict.fromkeys([*COMPRESSOR_RACES, *LIST_RACES, *SENDING_RACES, *LONG_RACES, *LARGE_REVIEW_RACES], 2),
    "dispute lost, reconciler": 2,
    "evidence answered, reconciler": 2,
    "two on one review: accept, accept": 2,
    "two refunds asked for, spend, second capture": 1,
    "refund, list, spend": 1,
    "three top-ups under the wallet limit": 1,
}
# Each of these takes a minute or more in every order.
SLOW_RACES = (
    "two refunds of one top-up",
    "two refunds of a payment for an order",
    "two refunds asked for, spend, second capture",
    "refund, spend, credit",
)
# `make test` runs these in some of the orders with one switch.
SAMPLED = (
    *SENDING_RACES,
    *LONG_RACES,
    *LIST_RACES,
    *SLOW_RACES,
    *LONG_DISPUTE_RACES,
    *LONG_DESK_RACES,
    *LONG_REVIEW_RACES,
)
