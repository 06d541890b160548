"""`python -m local.rzp`: what Razorpay does, from the command line, while `make run` runs in another terminal."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from local.account import account
from local.addresses import WEBHOOK_PATH, CannotStart
from local.rzp.listen import Listener
from local.rzp.service import Service, running_service
from local.rzp.trigger import AMOUNT, SCENARIOS, deliver, line, trigger

POLL_S = 5.0
LATEST = 20  # deliveries that are listed


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        for text in options.run(options):
            print(text, flush=True)
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser("python -m local.rzp", description=__doc__)
    commands = found.add_subparsers(required=True, metavar="command")

    def add(name: str, run: Callable[[Any], Iterator[str]], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    command = add("trigger", _trigger, "make an event happen, for a new customer, and deliver its webhook")
    command.add_argument("event", help=f"one of {', '.join(SCENARIOS)}")
    command.add_argument("--amount", default=AMOUNT, help="rupees, by default %(default)s")
    command.add_argument("--twice", action="store_true", help="deliver it twice")
    command.add_argument("--late", type=float, default=0, metavar="SECONDS", help="wait before the delivery")
    command.add_argument("--tamper", action="store_true", help="change the body after it was signed")
    command = add("resend", _resend, "deliver an event again")
    command.add_argument("event_id", help="the event's id, or `last`")
    command.add_argument("--times", type=int, default=1)
    command.add_argument("--tamper", action="store_true", help="change the body after it was signed")
    add("deliveries", _deliveries, f"list the newest {LATEST} events with their last delivery, oldest first")
    add("tail", _tail, "print deliveries as they happen, until Ctrl-C")
    command = add("listen", _listen, "send webhooks for what happens in Razorpay's test mode, until Ctrl-C")
    command.add_argument("--since", type=int, default=600, metavar="SECONDS", help="how far back to look")
    command.add_argument("--once", action="store_true", help="look once and end")
    command.add_argument("--to", metavar="URL", help="another receiver than the local service")
    return found


def _trigger(options: Any) -> Iterator[str]:
    times = 2 if options.twice else 1
    return trigger(running_service(), options.event, options.amount, times, options.late, options.tamper)


def _resend(options: Any) -> Iterator[str]:
    service = running_service()
    event_id = options.event_id
    if event_id == "last":
        events = service.control("state", {})["events"]
        if not events:
            raise CannotStart("There is no event yet.")
        event_id = events[-1]["event_id"]
    yield from deliver(service, event_id, options.times, options.tamper)


def _deliveries(options: Any) -> Iterator[str]:
    yield from _lines(running_service())[-LATEST:]


def _tail(options: Any) -> Iterator[str]:
    service = running_service()
    printed = _lines(service)
    while True:
        time.sleep(1)
        lines = _lines(service)
        yield from (text for text in lines if text not in printed)
        printed = lines


def _lines(service: Service) -> list[str]:
    """A line for each event: its last status, how often it was sent, and whether it is held."""
    state = service.control("state", {})
    held = {event["event_id"] for event in state["held"]}
    lines = []
    for event in state["events"]:
        note = "held" if event["event_id"] in held else ""
        times = f"sent {event['attempts']} times" if event["attempts"] > 1 else ""
        lines.append(line(event["status"], event["event"], event["event_id"], times, note))
    return lines


def _listen(options: Any) -> Iterator[str]:
    real = account()
    if not real.base_url:
        raise CannotStart(
            "Set RAZORPAY_KEY_ID and RAZORPAY_KEY_SECRET to the keys of a Razorpay account's test mode."
        )
    service = running_service()
    url = options.to or service.api + WEBHOOK_PATH
    listener = Listener(real.base_url, real.key_id, real.key_secret, url, service.webhook_secret, options.since)
    yield f"looking at {real.base_url} as {real.key_id}, sending to {url}"
    while True:
        try:
            yield from listener.poll()
        except OSError as error:  # Razorpay or the service may come back
            yield f"---  {error}"
        if options.once:
            return
        time.sleep(POLL_S)


if __name__ == "__main__":
    sys.exit(main())
