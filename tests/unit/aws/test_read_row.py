"""A row becomes the instance of its model that pynamodb itself makes of it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pynamodb.attributes import MapAttribute
from pynamodb.models import Model

from shared.aws.dynamodb import Table
from shared.desk import models as desk
from shared.disputes import models as disputes
from shared.images import models as images
from shared.payment_methods import models as payment_methods
from shared.payments import models as payments
from shared.payments.models import Payment
from shared.refunds import models as refunds
from shared.wallets import models as wallets

MODULES = (desk, disputes, images, payment_methods, payments, refunds, wallets)
MODELS = [
    kind
    for module in MODULES
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Table) and kind.__module__ == module.__name__
]
STORED: dict[str, st.SearchStrategy[Any]] = {
    "S": st.text(max_size=5),
    "N": st.integers(-(10**9), 10**9).map(str),
    "B": st.binary(min_size=1, max_size=5),
    "BOOL": st.booleans(),
    "L": st.lists(st.fixed_dictionaries({"S": st.text(max_size=5)}), max_size=2),
    "M": st.dictionaries(st.text(max_size=5), st.fixed_dictionaries({"N": st.just("3")}), max_size=2),
}


def values_of(row: Model) -> dict[str, Any]:
    """The values of a row, with maps as plain ones."""
    return {
        name: (MapAttribute, value.as_dict()) if isinstance(value, MapAttribute) else value
        for name, value in row.attribute_values.items()
    }


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.data())
def test_row_is_that_of_pynamodb(model: type[Table], data: st.DataObject) -> None:
    stored: dict[str, Any] = {"unknown": {"S": "from a later version"}}
    for attribute in model.get_attributes().values():
        kind = attribute.attr_type
        values = st.none() | st.just({"NULL": True}) | st.fixed_dictionaries({kind: STORED[kind]})
        value = data.draw(values, label=attribute.attr_name)
        if value is not None:
            stored[attribute.attr_name] = value
    theirs = Model.from_raw_data.__func__(model, stored)  # type: ignore[attr-defined]
    ours = model.from_raw_data(stored)
    assert type(ours) is model and values_of(ours) == values_of(theirs)


def test_rows_share_no_default() -> None:
    first, second = Payment.from_raw_data({}), Payment.from_raw_data({})
    first.timeline.append("one")
    assert second.timeline == []
