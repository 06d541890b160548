"""Types of values in response bodies, with what JSON schema says of them beyond the Python type."""

from collections.abc import Callable
from typing import Annotated, Any

from typing_extensions import TypeAliasType


class JsonSchema:
    """Adds keywords to the JSON schema of an annotated type. pydantic, which makes openapi.json, calls the method."""

    def __init__(self, **keywords: Any) -> None:
        self.keywords = keywords

    def __get_pydantic_json_schema__(
        self, core_schema: Any, handler: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        return handler(core_schema) | self.keywords


Uuid = Annotated[str, JsonSchema(format="uuid")]
Uri = Annotated[str, JsonSchema(format="uri")]
Time = Annotated[str, JsonSchema(format="date-time")]
Money = TypeAliasType(
    "Money",
    Annotated[
        str, JsonSchema(format="decimal", pattern=r"^[0-9]+\.[0-9]{2}$", description="Rupees, with two decimals.")
    ],
)
