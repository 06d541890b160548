"""What `make run` prints when it is ready, and the file of variables that its commands use."""

import shlex
from pathlib import Path
from typing import Any

from local.seeds import SEEDS

ENV = "env"  # in the state's folder
LINES_MAX = 20
PAGES = (("Page", "/"), ("Console", "/console"), ("Docs", "/docs"))


def write_env(state: Path, ready: dict[str, Any]) -> Path:
    """Write addresses and tokens as `export NAME=value`, which bash, zsh and fish can source; returns the file."""
    staff = dict(zip(("SUPPORT", "FINANCE", "APPROVER", "STAFF"), ready["staff"], strict=True))
    variables = {
        "API": ready["api"],
        "RAZORPAY": ready["razorpay"],
        "S3": ready["s3"],
        "KEY_ID": ready["key_id"],
        "KEY_SECRET": ready["key_secret"],
        "WEBHOOK_SECRET": ready["webhook_secret"],
        **{customer["name"].upper(): customer["token"] for customer in ready["customers"]},
        **{name: person["token"] for name, person in staff.items()},
    }
    path = (state / ENV).absolute()
    path.touch(mode=0o600)
    path.write_text("".join(f"export {name}={value}\n" for name, value in variables.items()))
    return path


def banner(ready: dict[str, Any], env: Path, has_stories: bool, notes: list[str], is_test_mode: bool = False) -> str:
    """The text for a person: at most LINES_MAX lines, and commands that bash, zsh and fish run as they stand.

    In Razorpay's test mode no command can pay; Razorpay's checkout can.
    """
    api, razorpay = ready["api"], ready["razorpay"]
    links = [
        f"  {'    '.join(f'{name}  {api}{path}' for name, path in PAGES)}",
        f"  API  {api}/api    Photos  {api}/_local/upload    document  {api}/openapi.json",
        f"  Razorpay  {razorpay}    AWS  {ready['s3']}{'' if is_test_mode else '    (stand-ins)'}",
    ]
    people = [f"{seed.name} {seed.story}" for seed in SEEDS] if has_stories else [seed.name for seed in SEEDS]
    customers = "; ".join(people[:2]), "; ".join(people[2:])
    staff = ", ".join(f"{person['name']} ({'+'.join(person['groups'])})" for person in ready["staff"])
    as_bilal = 'curl -s -H "Authorization: Bearer $BILAL"'
    json_body = """-H "Content-Type: application/json" -d '{"amount": "500.00"}'"""
    order_id = "grep -o 'order_[A-Za-z0-9]\\{14\\}' | head -1"
    pay = [
        '  echo "pay in a browser: $RAZORPAY/checkout?order_id=$ORDER, or here:"',
        "  curl -s -d '{\"order_id\": \"'$ORDER'\"}' $RAZORPAY/_control/pay; echo; sleep 1",
    ]
    if is_test_mode:
        pay = ['  echo "pay in the checkout of Razorpay: $ORDER"', "  sleep 1"]
    return "\n".join(
        [
            f"garment-pay, ready in {ready['ready_s']} s. Stop: Ctrl-C. Delete the state: make reset",
            *(f"  {note}" for note in notes),
            *links,
            "",
            f"  {customers[0]}",
            f"  {customers[1]}",
            f"  Staff: {staff}",
            "",
            "Paste into another terminal, to top up the wallet of Bilal as the app would:",
            f"  source {shlex.quote(str(env))}",
            f"  export ORDER=$({as_bilal} {json_body} $API/api/payments/wallets/add-money/ | {order_id})",
            *pay,
            f"  {as_bilal} $API/api/payments/wallets/transactions/",
            "",
        ]
    )
