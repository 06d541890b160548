"""What `make clients` generates from: the document for the generators, the guides' code, and the Postman flows."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from local.template import ROOT
from shared.error_catalogue import CATALOGUE
from tools.clients import documents, guides, postman

DOCUMENT = json.loads((ROOT / "openapi.json").read_text())
GUIDES = {"react-native.md": "typescript", "kotlin.md": "kotlin", "flutter.md": "dart"}


def schema_of(response: Any) -> Any:
    return response["content"]["application/json"]["schema"]


def test_created_and_dry_run_have_one_type_for_generators() -> None:
    """A generated client returns the type of the lowest status, so it must fit a dry run, whose id is null."""
    changed = documents.for_generators(DOCUMENT)
    operations = [operation for methods in changed["paths"].values() for operation in methods.values()]
    with_dry_run = [operation["responses"] for operation in operations if "2XX" in operation["responses"]]
    assert len(with_dry_run) >= 5
    for responses in with_dry_run:
        statuses = [status for status in responses if re.fullmatch("2[0-9]+", status)]
        assert schema_of(responses[min(statuses)]) == schema_of(responses["2XX"])


def test_document_itself_tells_a_dry_run_from_a_created_payment() -> None:
    responses = DOCUMENT["paths"]["/api/payments/payments"]["post"]["responses"]
    assert schema_of(responses["201"]) != schema_of(responses["2XX"])


def test_dart_gets_no_floating_point_amounts_and_no_mixed_types() -> None:
    text = json.dumps(documents.for_dart(DOCUMENT))
    assert '"anyOf"' not in text and '"decimal"' not in text and '"decimal"' in json.dumps(DOCUMENT)


@pytest.mark.parametrize("guide", GUIDES)
def test_every_block_of_a_guide_names_its_file(guide: str, tmp_path: Path) -> None:
    files = guides.write(guide, GUIDES[guide], tmp_path / "code")
    blocks = re.findall(rf"^```{GUIDES[guide]}\n(.*)$", (ROOT / "docs" / "guides" / guide).read_text(), re.MULTILINE)
    assert all(re.fullmatch(r"// \w+\.\w+", line) for line in blocks)
    assert {line.removeprefix("// ") for line in blocks} == {path.name for path in files}


@pytest.mark.parametrize("guide", GUIDES)
def test_guides_cover_the_same_subjects(guide: str) -> None:
    headings = re.findall("^## (.+)$", (ROOT / "docs" / "guides" / guide).read_text(), re.MULTILINE)
    assert headings == ["The client", "Errors", "Pay", "Pending payments and lost answers", "Saved cards", "Photos"]


def test_guides_name_codes_that_exist() -> None:
    text = (ROOT / "docs" / "guides" / "react-native.md").read_text()
    table = [line for line in text.splitlines() if line.startswith("| `")]
    named = {code for line in table for code in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert named and named <= {entry.code for entry in CATALOGUE}


@pytest.mark.parametrize("guide", GUIDES)
def test_guides_send_again_what_the_catalogue_allows(guide: str) -> None:
    text = (ROOT / "docs" / "guides" / guide).read_text()
    (listed,) = re.findall(r"(?:AGAIN = |AGAIN = setOf|_again = )[\[({](.+?)[\])}]", text)
    statuses = {entry.status for entry in CATALOGUE if entry.retry == "same"}
    assert {int(status) for status in listed.split(",")} == {*statuses, 502}  # a function that crashed


def test_postman_flows_use_each_variable_after_a_script_keeps_it() -> None:
    known = set(postman.VARIABLES) | {"$guid"}
    for steps in postman.FLOWS.values():
        for step in steps:
            sent = json.dumps([step.url, step.body, step.key, dict(step.ids or {})])
            assert set(re.findall(r"{{(\$?\w+)}}", sent)) <= known, step.name
            known |= set(step.keep or {})
