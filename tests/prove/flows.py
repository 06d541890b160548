"""All flows: what is proved of one flow is proved of each of these. A new one is a line in its room's table."""

from collections.abc import Mapping

from tests.prove.drivers import Flow
from tests.prove.method_flows import METHOD_FLOWS
from tests.prove.money_flows import MONEY_FLOWS
from tests.prove.photo_flows import PHOTO_FLOWS

FLOWS: Mapping[str, Flow] = {**MONEY_FLOWS, **METHOD_FLOWS, **PHOTO_FLOWS}
