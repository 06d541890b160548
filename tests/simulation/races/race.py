"""What a race is."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation.world import Reply


@dataclass(frozen=True)
class Race:
    """Requests made at once, and what must hold of their replies and of the world, whatever their order."""

    acts: list[Callable[[], Reply]]
    holds: Callable[[list[Reply]], bool]


def statuses_are(replies: list[Reply], *wanted: int) -> bool:
    """Whether the replies have these statuses, in any order."""
    return sorted(reply.status for reply in replies) == sorted(wanted)
