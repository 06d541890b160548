"""The parts of documents that are made from the code's tables. `make openapi` writes them between their two marks."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from local.template import ROOT
from shared.error_catalogue import CATALOGUE, RETRIES
from shared.images import lifecycle as images
from shared.payments import lifecycle as payments
from shared.refunds import lifecycle as refunds
from shared.refunds.lifecycle import NEW

MARK = "<!-- {}: written by make openapi -->"
END = "<!-- end of {} -->"


def error_table() -> str:
    """Status, code, meaning and whether to send the request again, of every error."""
    rows = [f"| {entry.status} | `{entry.code}` | {entry.meaning} | {RETRIES[entry.retry]} |" for entry in CATALOGUE]
    return "\n".join(["| status | code | meaning | send it again |", "|---|---|---|---|", *rows])


def error_texts() -> str:
    """The texts of every code, in English and Hindi. `…` stands for a value."""
    rows = []
    for entry in CATALOGUE:
        for english, hindi in entry.texts.items():
            row = f"| {entry.status} | `{entry.code}` | `{english}` | {hindi} |"
            rows.append(row.replace("{}", "…"))
    return "\n".join(["| status | code | English | Hindi |", "|---|---|---|---|", *rows])


def diagram(transitions: Mapping[str, tuple[str, ...]], first: str, described: str) -> str:
    """Statuses and their transitions as a diagram that GitHub draws. `first` begins, or is what is not there yet."""
    lines = ["```mermaid", "stateDiagram-v2", f"    accTitle: {described}"]
    if first != NEW:
        lines.append(f"    [*] --> {first}")
    for before, after in transitions.items():
        lines += [f"    {'[*]' if before == NEW else before} --> {status}" for status in after]
    lines += [f"    {status} --> [*]" for status, after in transitions.items() if not after]
    return "\n".join([*lines, "```"])


PARTS: Mapping[tuple[str, str], Callable[[], str]] = {
    ("docs/api.md", "errors"): error_table,
    ("docs/errors.md", "texts"): error_texts,
    ("docs/payments.md", "payment statuses"): lambda: diagram(
        payments.TRANSITIONS, "created", "Statuses of a payment"
    ),
    ("docs/payments.md", "refund statuses"): lambda: diagram(refunds.TRANSITIONS, NEW, "Statuses of a refund"),
    ("docs/photos.md", "photo statuses"): lambda: diagram(
        images.TRANSITIONS, images.AWAITING_UPLOAD, "Statuses of a photo"
    ),
}


def with_parts(document: str, text: str) -> str:
    """The document's text with its parts as the code has them now; ValueError if a mark is missing."""
    for (path, name), render in PARTS.items():
        if path != document:
            continue
        start, end = MARK.format(name), END.format(name)
        pattern = re.compile(f"{re.escape(start)}\n.*?{re.escape(end)}", re.DOTALL)
        written = f"{start}\n\n{render()}\n\n{end}"
        text, count = pattern.subn(lambda _: written, text)  # noqa: B023
        if count != 1:
            raise ValueError(f"{document} has {count} parts called {name}")
    return text


def paths() -> list[Path]:
    return [ROOT / document for document in dict.fromkeys(document for document, _ in PARTS)]


def write() -> None:
    for path in paths():
        path.write_text(with_parts(str(path.relative_to(ROOT)), path.read_text()))
