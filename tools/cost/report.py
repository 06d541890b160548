"""`make cost`: what a million top-ups, refunds and photos cost, next to a tutorial-style implementation.

The tutorial does the same work as guides build it: separate idempotency and balance rows, x86, 1 GB of memory, and
every event logged whole. It has neither limits nor refunds.
"""

import sys

from local.template import ROOT, Template
from tools.cost import prices
from tools.cost.prices import TUTORIAL_PHOTO, TUTORIAL_TOP_UP, Usage
from tools.cost.scenarios import (
    SHIPPED_FORMATS,
    TUTORIAL_FORMATS,
    MeteredService,
    metered_service,
    phone_photo,
    photo,
    refund,
    start_without_limits,
    top_up,
)

# The largest share of the tutorial's dollars that is good enough.
TOP_UP_GOAL, PHOTO_GOAL = 0.60, 0.40


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def comparison(name: str, ours: Usage, tutorial: Usage, goal: float) -> str:
    mine, theirs = ours.dollars_per_million(), tutorial.dollars_per_million()
    lines = [f"A million {name}, dollars in ap-south-1      ours  tutorial   ratio"]
    for kind in mine:
        if mine[kind] or theirs[kind]:
            ratio = f"{mine[kind] / theirs[kind]:8.2f}" if theirs[kind] else "       -"
            lines.append(f"  {kind:<38}{mine[kind]:9.2f}{theirs[kind]:10.2f}{ratio}")
    share = sum(mine.values()) / sum(theirs.values())
    lines.append(f"  {'total':<38}{sum(mine.values()):9.2f}{sum(theirs.values()):10.2f}{share:8.2f}")
    lines.append(
        f"  goal: at most {goal:.2f} of the tutorial, {'met' if share <= goal else 'missed'} with {share:.3f}"
    )
    return "\n".join(lines)


def step_lines(service: MeteredService, title: str) -> list[str]:
    """A line for each step: what it writes, reads and logs."""
    lines = [f"{title:<20}write units  read units  log bytes"]
    for step, usage in service.steps:
        lines.append(f"  {step:<18}{usage.write_units:>11}{usage.read_units:>12.2f}{usage.log_bytes:>11.0f}")
    return lines


def summary(usage: Usage) -> str:
    """The dollars per million, and what they pay for."""
    by_kind = {kind: dollars for kind, dollars in usage.dollars_per_million().items() if round(dollars, 2)}
    units = f"write units {usage.write_units}, read units {usage.read_units:.2f}, requests {usage.requests}"
    details = ", ".join(f"{kind} {dollars:.2f}" for kind, dollars in by_kind.items())
    return f"{sum(by_kind.values()):.2f} dollars ({units}; {details})"


def top_up_report(service: MeteredService) -> str:
    service.steps.clear()
    ours = top_up(service)
    return "\n".join(
        [*step_lines(service, "one top-up"), "", comparison("top-ups", ours, TUTORIAL_TOP_UP, TOP_UP_GOAL)]
    )


def limits_report(service: MeteredService) -> str:
    """What the limits add to a top-up: the difference between two starts that differ in nothing else."""
    limited, unlimited = dict(service.steps)["add-money"], start_without_limits(service)
    return f"Limits, a million top-ups: {summary(limited.minus(unlimited))}"


def refund_report(service: MeteredService) -> str:
    top_up(service)
    service.steps.clear()
    ours = refund(service)
    return "\n".join([*step_lines(service, "one refund"), "", f"Refunds of a million top-ups: {summary(ours)}"])


def photo_report(service: MeteredService, data: bytes, formats: str) -> tuple[str, Usage]:
    """What a photo in these formats consumes and what a million of them cost, and the usage itself."""
    service.steps.clear()
    ours = photo(service, data, formats)
    lines = [
        f"one photo of {len(data) / 1e6:.1f} MB, ImageFormats={formats}",
        f"{'':<20}write units  read units  PUTs  GETs     GB-ms  MB stored a month",
    ]
    for step, usage in service.steps:
        stored = f"{usage.storage_mb_months:19.2f}" if usage.storage_mb_months else ""
        counts = f"{usage.write_units:>11}{usage.read_units:>12}{usage.put:>6}{usage.get:>6}{usage.gb_ms:>10.0f}"
        lines.append(f"  {step:<18}{counts}{stored}")
    return "\n".join([*lines, "", comparison(f"photos ({formats})", ours, TUTORIAL_PHOTO, PHOTO_GOAL)]), ours


def avif_report(jpeg: Usage, shipped: Usage) -> str:
    """What the second format costs: the difference between two runs that differ in nothing else."""
    before, after = jpeg.dollars_per_million(), shipped.dollars_per_million()
    parts = {kind: after[kind] - before[kind] for kind in ("S3", "Lambda", "storage")}
    details = ", ".join(f"{kind} {dollars:.2f}" for kind, dollars in parts.items())
    return f"AVIF in addition to JPEG, a million photos: {sum(parts.values()):.2f} dollars ({details})"


def choices_report() -> str:
    lines = ["What design choices cost, in dollars per million top-ups, wallets, pages or photos, and what they buy"]
    lines += [f"  {choice.dollars:6.2f}  {choice.name}: {choice.benefit}" for choice in prices.CHOICES]
    return "\n".join(lines)


def monthly_report() -> str:
    lines = ["Dollars per month, whatever the traffic; the web ACL in prod alone"]
    templates = (Template(), Template(ROOT / "observability.yaml"))
    for kind, (count, dollars) in prices.monthly(*templates).items():
        lines.append(f"  {dollars:6.2f}  {count} {kind.split('::')[-1]}")
    return "\n".join(lines)


def main() -> int:
    progress("Starting the local stand-ins ...")
    with metered_service() as service:
        progress("Metering a top-up and its refund ...")
        top_up(service)  # imports every module and opens the wallet, which a customer's later top-ups do not repeat
        print(f"{top_up_report(service)}\n\n{limits_report(service)}\n")
        refund(service)  # imports what the first one needs
        print(f"{refund_report(service)}\n")
        progress("Metering a photo, three times ...")
        service.steps.clear()
        data = phone_photo()
        photo(service, data, SHIPPED_FORMATS)  # loads every codec
        jpeg_report, jpeg = photo_report(service, data, TUTORIAL_FORMATS)
        shipped_report, shipped = photo_report(service, data, SHIPPED_FORMATS)
        for part in (jpeg_report, shipped_report, avif_report(jpeg, shipped), choices_report()):
            print(f"\n{part}")
        print(f"\n{monthly_report()}")
    return 0
