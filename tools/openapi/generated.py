"""The parts of documents that are made from the code's tables. `make openapi` writes them between their two marks."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from local.template import ROOT
from shared.error_catalogue import CATALOGUE, RETRIES

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


PARTS: Mapping[tuple[str, str], Callable[[], str]] = {
    ("docs/api.md", "errors"): error_table,
    ("docs/errors.md", "texts"): error_texts,
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
