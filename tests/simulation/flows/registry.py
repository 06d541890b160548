"""All flows. Whatever is proved of one flow is proved of each of these; add a new one to its noun's table."""

from collections.abc import Mapping

from tests.simulation.flows.desk import DESK_FLOWS
from tests.simulation.flows.disputes import DISPUTE_FLOWS
from tests.simulation.flows.flow import Flow
from tests.simulation.flows.methods import METHOD_FLOWS
from tests.simulation.flows.payments import PAYMENT_FLOWS
from tests.simulation.flows.photos import PHOTO_FLOWS
from tests.simulation.flows.proposals import PROPOSAL_FLOWS
from tests.simulation.flows.refunds import REFUND_FLOWS
from tests.simulation.flows.reviews import REVIEW_FLOWS
from tests.simulation.flows.starts import START_FLOWS

FLOWS: Mapping[str, Flow] = {
    **PAYMENT_FLOWS,
    **START_FLOWS,
    **REFUND_FLOWS,
    **DISPUTE_FLOWS,
    **DESK_FLOWS,
    **PROPOSAL_FLOWS,
    **REVIEW_FLOWS,
    **METHOD_FLOWS,
    **PHOTO_FLOWS,
}
