"""`make clients`: lint openapi.json, generate two TypeScript clients from it, and type-check them in use.

It also drives the stand-in for Razorpay with Razorpay's own SDK for Node. Node runs that, redocly, openapi-typescript
and TypeScript's compiler, Java runs openapi-generator. Neither is needed for anything else, so that this is a target
of its own. All packages are pinned, and everything is made in .venv-clients.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from local.razorpay.fake import FakeRazorpay
from local.razorpay.server import serve
from local.template import ROOT

SOURCES = ROOT / "tests" / "clients"
FOLDER = ROOT / ".venv-clients"
WORK = FOLDER / "typescript"
REQUIRED = {
    "node": "Node.js 20.19 or newer, to lint the API document, to type-check its clients and to run Razorpay's SDK",
    "npm": "npm, which comes with Node.js, to install the linter and TypeScript's compiler",
    "java": "Java 11 or newer, to run openapi-generator",
}
ENVIRONMENT = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def main() -> int:
    missing = [why for program, why in REQUIRED.items() if not works(program)]
    if missing:
        print("make clients requires " + "; ".join(missing) + ".", file=sys.stderr)
        return 1
    try:
        run("set up the generator", sys.executable, str(ROOT / "tools" / "setup.py"), "clients")
        install()
        drive_stand_in()
        run("lint openapi.json", program("redocly"), "lint", "--extends", "recommended", str(ROOT / "openapi.json"))
        run("generate types", program("openapi-typescript"), str(ROOT / "openapi.json"), "--output", "types.ts")
        generate()
        run("type-check", program("tsc"), "--project", "tsconfig.json")
    except subprocess.CalledProcessError as error:
        print(f"make clients: {error.cmd[0]} failed", file=sys.stderr)
        return 1
    print("Razorpay's SDK drives the stand-in, and the clients of openapi.json type-check")
    return 0


def works(program: str) -> bool:
    """macOS has a `java` that only says that there is none, so each program is asked for its version."""
    try:
        return (
            subprocess.run(
                [program, "-version" if program == "java" else "--version"], capture_output=True
            ).returncode
            == 0
        )
    except OSError:
        return False


def install() -> None:
    """Install what package-lock.json pins, unless it is there, and put the sources beside it."""
    WORK.mkdir(parents=True, exist_ok=True)
    lock, installed = SOURCES / "package-lock.json", WORK / "package-lock.json"
    is_current = installed.exists() and installed.read_bytes() == lock.read_bytes() and (WORK / "installed").exists()
    for path in SOURCES.iterdir():
        shutil.copy(path, WORK)
    if not is_current:
        (WORK / "installed").unlink(missing_ok=True)
        run("install packages", "npm", "ci", "--no-fund", "--no-audit", "--ignore-scripts", "--loglevel", "error")
        (WORK / "installed").touch()


def drive_stand_in() -> None:
    """Run the tests that use Razorpay's SDK for Node, against a stand-in of their own."""
    with stand_in() as account:
        run("drive the stand-in for Razorpay", "node", "--test", "razorpay_usage.mjs", **account)


@contextmanager
def stand_in() -> Iterator[dict[str, str]]:
    """A stand-in on a free port, gone at the end; where it is and its keys, as variables of the environment."""
    fake = FakeRazorpay("rzp_test_clients", "clients_secret", "clients_webhook_secret", lambda: int(time.time()))
    fake.holding = True  # nobody listens to webhooks
    server = serve(fake)
    try:
        yield {
            "RAZORPAY_URL": server.url,
            "RAZORPAY_KEY_ID": fake.key_id,
            "RAZORPAY_KEY_SECRET": fake.key_secret,
        }
    finally:
        fake.close()
        server.shutdown()
        server.server_close()


def generate() -> None:
    """Generate the typescript-fetch client anew, so that no file of an earlier document stays."""
    shutil.rmtree(WORK / "fetch", ignore_errors=True)
    (jar,) = FOLDER.glob("lib/python*/site-packages/openapi_generator_cli/openapi-generator.jar")
    options = (
        "--input-spec",
        str(ROOT / "openapi.json"),
        "--generator-name",
        "typescript-fetch",
        "--output",
        "fetch",
        # Otherwise the client of an operation that takes JSON or a form imports the form's model, which is left out.
        "--global-property",
        "skipFormModel=false",
    )
    run("generate a client", "java", "-Dlog.level=error", "-jar", str(jar), "generate", *options)


def program(name: str) -> str:
    return str(WORK / "node_modules" / ".bin" / name)


def run(step: str, *command: str, **variables: str) -> None:
    print(f"== {step}", flush=True)
    subprocess.run(command, cwd=WORK if WORK.exists() else ROOT, env=ENVIRONMENT | variables, check=True)


if __name__ == "__main__":
    sys.exit(main())
