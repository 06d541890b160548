"""docs/data.md names every attribute that is stored, once: whether it is personal, and how long it is kept."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import shared
from local.template import ROOT, Template
from shared.aws.dynamodb import Table
from tests.support.documents import rows, section

DOCUMENT = ROOT / "docs" / "data.md"
KEY_MODELS = {"DeskRow", "ImageKey", "PaymentKey"}  # the keys of rows that other models hold whole


def models(base: type[Table] = Table) -> Iterator[type[Table]]:
    for module in pkgutil.walk_packages(shared.__path__, "shared."):
        if module.name.endswith(".models"):
            importlib.import_module(module.name)
    yield from base.__subclasses__()


MODELS = {model.__name__: model for model in models()}


@pytest.mark.parametrize("name", sorted(set(MODELS) - KEY_MODELS))
def test_every_stored_attribute_is_in_the_table(name: str) -> None:
    table = [row for row in rows(section(DOCUMENT, name)) if row[0].startswith("`")]
    named = [attribute.strip(" `") for row in table for attribute in row[0].split(",")]
    assert sorted(named) == sorted(MODELS[name].get_attributes())
    assert all(personal and kept for _, personal, kept in table)


@pytest.mark.parametrize("name", sorted(KEY_MODELS))
def test_key_model_stores_nothing_of_its_own(name: str) -> None:
    others = [set(model.get_attributes()) for other, model in MODELS.items() if other not in KEY_MODELS]
    assert any(set(MODELS[name].get_attributes()) <= attributes for attributes in others)


def test_table_has_every_table_of_the_template() -> None:
    text = DOCUMENT.read_text()
    assert all(f"## {table}\n" in text for table in Template().of_type("AWS::DynamoDB::Table"))
