"""A dispute's statuses, what each may change to, its phases, and when the reconciler asks about it."""

from collections.abc import Mapping

NEW = ""  # not stored yet
# The statuses that each status may change to. Any other report changes no status.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    NEW: ("open", "under_review", "won", "lost", "closed"),
    "open": ("under_review", "won", "lost", "closed"),
    "under_review": ("open", "won", "lost", "closed"),
    "won": (),
    "lost": (),
    "closed": (),
}
STATUSES = TRANSITIONS[NEW]
# The bank asks for more evidence. The report of an event can be older than the record, so it moves nothing back.
BACKWARD = ("under_review", "open")
OPEN_STATUSES = ("open", "under_review")  # the reconciler follows these

PHASES = ("fraud", "retrieval", "chargeback", "pre_arbitration", "arbitration")  # in the order of banks
CHECK_PAUSE_US = 3_600 * 1_000_000  # between two questions of the reconciler: banks decide within days or weeks


def may_change(before: str, after: str, is_current: bool) -> bool:
    """Whether a report turns a dispute into another status.

    A current report is Razorpay's answer to a question, about a record that has not changed since it was asked. An
    event that changes nothing does not count: if such an answer is too old, the next question puts it right.
    """
    return after in TRANSITIONS[before] and (is_current or (before, after) != BACKWARD)


def phase_rank(phase: str) -> int:
    """The place of a phase in the order of banks; a phase that nobody knows is before all others."""
    return PHASES.index(phase) if phase in PHASES else -1


def awaits_answer(status: str, respond_by_us: int, awaited: bool, known_respond_by_us: int, is_current: bool) -> bool:
    """Whether the bank waits for our evidence after a report with this status and time.

    A current report says it. Of the others, the time only grows: a later one is a new question, and a report with an
    earlier one is older than what is known. In whatever order those arrive, the result is the same.
    """
    is_asked = status == "open" and respond_by_us > 0
    if is_current or respond_by_us > known_respond_by_us:
        return is_asked
    return awaited and (is_asked or respond_by_us < known_respond_by_us)
