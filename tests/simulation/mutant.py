"""What a mutant is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """Replace `old` by `new` in a file. `old` must occur there exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """What goes wrong, and the edits that make it go wrong.

    The search begins with the flows and races whose names contain one of the words in `near`.
    """

    why: str
    edits: tuple[Edit, ...]
    near: tuple[str, ...] = ()


def mutant(why: str, *edits: tuple[str, str, str], near: tuple[str, ...] = ()) -> Mutant:
    return Mutant(why, tuple(Edit(*edit) for edit in edits), near)
