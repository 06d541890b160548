"""DynamoDB's values are parsed as botocore's own parser parses them."""

import json
from base64 import b64encode
from typing import Any

import botocore.session
from botocore.parsers import JSONParser
from hypothesis import given
from hypothesis import strategies as st

from shared.private_names import TableParser

MODEL = botocore.session.get_session().get_service_model("dynamodb")
BINARY = st.binary(max_size=9).map(lambda data: b64encode(data).decode())
SCALARS = (
    st.fixed_dictionaries({"S": st.text(max_size=9)})
    | st.fixed_dictionaries({"N": st.integers().map(str)})
    | st.fixed_dictionaries({"B": BINARY})
    | st.fixed_dictionaries({"BOOL": st.booleans()})
    | st.just({"NULL": True})
    | st.fixed_dictionaries({"SS": st.lists(st.text(max_size=9), min_size=1, max_size=3)})
    | st.fixed_dictionaries({"NS": st.lists(st.integers().map(str), min_size=1, max_size=3)})
    | st.fixed_dictionaries({"BS": st.lists(BINARY, min_size=1, max_size=3)})
)
VALUES = st.recursive(
    SCALARS,
    lambda value: (
        st.fixed_dictionaries({"L": st.lists(value, max_size=3)})
        | st.fixed_dictionaries({"M": st.dictionaries(st.text(max_size=5), value, max_size=3)})
    ),
    max_leaves=9,
)


@given(items=st.lists(st.dictionaries(st.text(min_size=1, max_size=5), VALUES, max_size=4), max_size=3))
def test_values_are_those_of_botocore(items: list[dict[str, Any]]) -> None:
    shape = MODEL.operation_model("Query").output_shape
    body = {"Count": len(items), "ScannedCount": len(items), "Items": items, "LastEvaluatedKey": (items or [{}])[0]}
    response = {"status_code": 200, "headers": {}, "body": json.dumps(body).encode()}
    assert TableParser().parse(response, shape) == JSONParser().parse(response, shape)
