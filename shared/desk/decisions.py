"""Decisions about proposals: another member of staff approves or rejects."""

from shared import clock
from shared.aws.dynamodb import Update, execute, retrying
from shared.desk.effects import apply_effect, check_effect
from shared.desk.models import PROPOSAL, Proposal, get_or_404, state_of
from shared.desk.proposals import APPROVED, LAPSED, PROPOSED, REJECTED, status_of
from shared.errors import Conflict, PermissionDenied


def decide(staff: str, proposal_id: str, verb: str, reason: str) -> Proposal:
    """Approve the proposal, with its effect, or reject it: whichever of these verbs; the proposal afterwards.

    PermissionDenied for who made it. Conflict with code `already_decided` or `proposal_lapsed` if it is too late, and
    with that of the effect if the wallet or payment does not allow it.
    """

    def try_decide() -> Proposal | None:
        proposal = get_or_404(Proposal, PROPOSAL, proposal_id)
        if proposal.proposed_by == staff:
            raise PermissionDenied("Somebody else has to decide about this proposal.", code="own_proposal")
        decision = APPROVED if verb == "approve" else REJECTED
        status = status_of(proposal)
        if status == PROPOSED:
            if decision == APPROVED:
                check_effect(proposal)
            if not execute(_decision(proposal, staff, decision, reason)):
                return None
        elif status == LAPSED:
            raise Conflict("This proposal has lapsed.", code="proposal_lapsed")
        elif not _is_repeated(proposal, staff, decision, status):
            raise Conflict("This proposal is already decided.", code="already_decided")
        return proposal

    decided = retrying(try_decide)
    return apply_effect(decided) if decided.stored_status == APPROVED else decided


def _is_repeated(proposal: Proposal, staff: str, decision: str, status: str) -> bool:
    """Whether this decision was made before. Any approver may finish an approval without effect."""
    if decision == APPROVED and status == APPROVED:
        return True
    return proposal.decided_by == staff and (status == REJECTED) == (decision == REJECTED)


def _decision(proposal: Proposal, staff: str, status: str, reason: str) -> Update:
    values = {
        "state": state_of(PROPOSAL, status),
        "decided_by": staff,
        "decision_reason": reason,
        "decided_at_us": clock.now_us(),
    }
    return Update(proposal, values, expect={"state": state_of(PROPOSAL, PROPOSED)}, expect_not={"proposed_by": staff})
