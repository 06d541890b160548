"""How the benchmark prints its figures: Markdown tables, and a line that counts the goals."""


def table(rows: list[tuple[str, ...]]) -> None:
    head, *body = rows
    print("\n| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in body:
        print("| " + " | ".join(row) + " |")


def verdict(rows: list[tuple[str, ...]]) -> str:
    """One line: how many goals were met, and which were missed."""
    marks = [(f"{goal}, {subject}: {measured}", mark) for goal, subject, _, measured, mark in rows[1:] if mark]
    missed = [goal for goal, mark in marks if mark == "MISSED"]
    unknown = sum(mark == "not measured" for _, mark in marks)
    met = len(marks) - len(missed) - unknown
    return f"{met} of {len(marks)} goals met, {unknown} not measured. Missed: {'; '.join(missed) or 'none'}"
