"""The examples in the documents run as they are written, and print what the documents say."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.template import ROOT
from tests.support.documents import DOCUMENTS, Block, blocks, name_of
from tests.support.image_samples import phone_photo
from tests.support.local_stack import LocalStack

EXAMPLES = {
    name_of(document): found
    for document in DOCUMENTS
    if (found := [block for block in blocks(document) if block.language == "bash" and not block.is_checked_only])
}
SEPARATOR = "--- end of the block ---"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A local stack of its own: the examples move the clock."""
    running = LocalStack(tmp_path_factory.mktemp("documents"))
    yield running
    running.stop()


def run_in_order(examples: list[Block], folder: Path, api: str, shell: str = "bash") -> list[str]:
    """Run all blocks in one shell, as a reader who pastes them would; the output of each."""
    script = f"\necho '{SEPARATOR}'\n".join(["set -eo pipefail", *(block.text for block in examples)])
    environment = {**os.environ, "API": api, "PHOTO": str(folder / "photo.jpg")}
    done = subprocess.run(
        [shell, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout.split(f"{SEPARATOR}\n")[1:]


def matches(expected: str, printed: str) -> bool:
    """Whether the text was printed, with anything in the place of each ellipsis and any line breaks."""
    pattern = ".*".join(re.escape(re.sub(r"\s+", "", part)) for part in expected.split("…"))
    return re.fullmatch(pattern, re.sub(r"\s+", "", printed)) is not None


@pytest.mark.parametrize("document", EXAMPLES)
def test_examples_print_what_the_document_says(document: str, stack: LocalStack, tmp_path: Path) -> None:
    assert_examples_match(document, stack, tmp_path, "bash")


def assert_examples_match(document: str, stack: LocalStack, folder: Path, shell: str) -> None:
    (folder / "photo.jpg").write_bytes(phone_photo())
    (folder / ".garment-pay").symlink_to(stack.state)
    examples = EXAMPLES[document]
    for block, printed in zip(examples, run_in_order(examples, folder, stack.api, shell), strict=True):
        assert matches(block.output, printed), f"{block.name} printed:\n{printed}"


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_local_examples_print_the_same_in_zsh(stack: LocalStack, tmp_path: Path) -> None:
    assert_examples_match("docs/local-development.md", stack, tmp_path, "zsh")


def test_local_examples_have_no_comments() -> None:
    """An interactive zsh knows none, and hands their words to the command."""
    for block in EXAMPLES["docs/local-development.md"]:
        assert not re.search(r"(^|\s)#", block.text), block.name


def test_tasks_of_staff_mark_what_needs_make_run() -> None:
    """On a deployed stack staff leave out the marked blocks, so the others are theirs alone."""
    text = (ROOT / "docs" / "operations.md").read_text()
    needs = re.compile(r"\$RAZORPAY|\$TOKEN|_local|top_up|/env")
    of_make_run = [block for block in EXAMPLES["docs/operations.md"] if needs.search(block.text)]
    marked = re.findall(r"^Only with `make run`[^\n]*\n\n```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert [block.name for block in of_make_run if block.text not in marked] == []
    assert of_make_run and not any(re.search(r"\$(SUPPORT|FINANCE|APPROVER)", block) for block in marked)


def test_ready_line_has_the_documented_keys(stack: LocalStack) -> None:
    (block,) = (block for block in blocks(ROOT / "docs" / "local-development.md") if block.language == "json")
    documented, printed = json.loads(block.text), json.loads(stack.ready_line)
    assert documented.keys() == printed.keys()
    assert documented["customers"][0].keys() == printed["customers"][0].keys()


def test_examples_are_in_the_documents_about_the_local_stack() -> None:
    assert {"docs/api.md", "docs/local-development.md"} <= set(EXAMPLES)
    assert shutil.which("curl") and shutil.which("bash")


def test_matching_notices_other_output() -> None:
    assert matches('{"id": "…", "status": "captured"}', '{"id":"5e7a","status":"captured"}\n')
    assert not matches('{"id": "…", "status": "captured"}', '{"id":"5e7a","status":"created"}')
