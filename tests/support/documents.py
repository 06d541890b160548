"""The project's documents, taken apart: fenced blocks, code spans, tables, links and anchors."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.template import ROOT

DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
DOCUMENTS += sorted((ROOT / "docs").rglob("*.md"))

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# Programs whose commands are checked without running them. A block of other commands is run as it stands.
CHECKED_PROGRAMS = ("make", "aws", "export", ".venv/bin/python", ".venv-sam/bin/python", ".venv-sam/bin/sam")

# The options of `sam` that the documents use; tests/artifact compares them with its help.
SAM_OPTIONS: dict[str, set[str]] = {
    "deploy": {"--config-env"},
    "delete": {"--config-env"},
    "local invoke": {"-e"},
    "local start-api": set(),
}


@dataclass(frozen=True)
class Block:
    """A fenced block. `output` is the text block that directly follows it, or an empty string."""

    document: str
    line: int
    language: str
    text: str
    output: str = ""

    @property
    def name(self) -> str:
        return f"{self.document}:{self.line}"

    @property
    def commands(self) -> list[list[str]]:
        """The words of each command, without comments and without variables set for the command alone."""
        lines = self.text.replace("\\\n", " ").splitlines()
        commands = [shlex.split(line, comments=True) for line in lines]
        return [_without_assignments(words) for words in commands if words]

    @property
    def is_checked_only(self) -> bool:
        """Whether every line is a command of a program in CHECKED_PROGRAMS, so that the block is not run."""
        try:
            programs = [words[0] for words in self.commands]
        except (ValueError, IndexError):
            return False  # a quotation over several lines, or an assignment alone
        is_known = all(program in CHECKED_PROGRAMS for program in programs)
        return is_known and any(program != "export" for program in programs)


def _without_assignments(words: list[str]) -> list[str]:
    first = next((place for place, word in enumerate(words) if not re.match(r"[A-Z_]+=", word)), len(words))
    return words[first:]


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def blocks(document: Path) -> list[Block]:
    text, found = document.read_text(), []
    matches = list(FENCE.finditer(text))
    for place, match in enumerate(matches):
        following = matches[place + 1] if place + 1 < len(matches) else None
        is_output = following and following[2] == "text" and not text[match.end() : following.start()].strip()
        output = textwrap.dedent(following[3]) if following and is_output else ""
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(name_of(document), line, match[2], textwrap.dedent(match[3]), output))
    return found


def all_blocks(language: str) -> list[Block]:
    return [block for document in DOCUMENTS for block in blocks(document) if block.language == language]


def without_blocks(document: Path) -> str:
    return FENCE.sub("", document.read_text())


def prose(document: Path) -> str:
    """The text without fenced blocks, code spans and the targets of links."""
    return re.sub(r"\]\([^)]*\)", "]", SPAN.sub("", without_blocks(document)))


def spans(document: Path) -> list[str]:
    return SPAN.findall(without_blocks(document))


def links(document: Path) -> list[str]:
    return LINK.findall(SPAN.sub("", without_blocks(document)))


def anchors(document: Path) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(document: Path, heading: str) -> str:
    """The text below a heading, up to the next heading of any level."""
    text = without_blocks(document)
    start = re.search(rf"^#+ {re.escape(heading)}$", text, re.MULTILINE)
    assert start, f"{document.name} has no heading {heading}"
    return re.split(r"^#+ ", text[start.end() :], maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every table row, without headers."""
    for table in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        for line in table.splitlines()[2:]:
            yield [cell.strip() for cell in line.strip().strip("|").split("|")]


def first_codes(text: str) -> list[str]:
    """The first code span of each table row."""
    return [match[1] for cells in rows(text) if (match := SPAN.search(cells[0]))]
