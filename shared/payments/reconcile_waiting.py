"""What waits for staff, as metrics: how many reviews, proposals and disputes, and since when the oldest waits."""

from shared import clock
from shared.desk.models import PROPOSAL, PROPOSAL_LAPSES_AFTER_US, times_of
from shared.disputes.models import opening_times
from shared.payments.models import list_in_review
from shared.payments.reconcile_round import Round
from shared.payments.review import is_open, marked_at_us, marks_of

REVIEWS_READ_MAX = 100  # payments, those that changed the longest time ago first


def measure_waiting(work: Round) -> None:
    """Count what waits, and the seconds since the oldest of it does; zero if nothing waits."""
    payments = list_in_review(REVIEWS_READ_MAX)
    marks = [mark for payment in payments for mark in marks_of(payment).values() if is_open(mark)]
    not_lapsed_us = clock.now_us() - PROPOSAL_LAPSES_AFTER_US + 1
    proposals, disputes = times_of(PROPOSAL, "proposed", not_lapsed_us), opening_times()
    work.counts["ProposalsWaiting"] = len(proposals)
    work.counts["DisputesOpen"] = len(disputes)
    work.counts["OldestReviewSeconds"] = _age_s([marked_at_us(mark) for mark in marks])
    work.counts["OldestProposalSeconds"] = _age_s(proposals)
    work.counts["OldestDisputeSeconds"] = _age_s(disputes)


def _age_s(times_us: list[int]) -> int:
    return max(0, clock.now_us() - min(times_us)) // 1_000_000 if times_us else 0
