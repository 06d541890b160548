"""`make browser`: use the pages of `make run` in a browser, as people do, and look at them with axe.

Node.js runs the tests with playwright-core, and chromium shows the pages: Debian's, or any that the variable CHROMIUM
names. All packages are pinned, and everything is made in .venv-browser; the screenshots stay in
.venv-browser/screenshots.

`python -m tests.browser first-minute` films the first minute instead: from a clone to a topped-up wallet.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from local.addresses import hold_port
from local.template import ROOT
from local.web import PAGES
from tests.browser.first_minute import film
from tests.support.local_stack import LocalStack
from tools import npm

SOURCES = Path(__file__).parent
FOLDER = ROOT / ".venv-browser"
SCREENSHOTS = FOLDER / "screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main() -> int:
    chromium = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    missing = [why for is_there, why in _required(chromium) if not is_there]
    if missing or chromium is None:
        print("make browser requires " + "; ".join(missing) + ".", file=sys.stderr)
        return 1
    try:
        npm.install(SOURCES, FOLDER)
    except subprocess.CalledProcessError:
        print("make browser: npm cannot install the packages", file=sys.stderr)
        return 1
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
    SCREENSHOTS.mkdir()
    if sys.argv[1:] == ["first-minute"]:
        return film(FOLDER, chromium, SCREENSHOTS)
    elsewhere = f"http://127.0.0.1:{hold_port()}"  # where a test serves the staff's page, as another site
    with tempfile.TemporaryDirectory() as state:
        # LOGS: the functions' lines go through the service, which then knows the metrics for the dashboards.
        stack = LocalStack(Path(state), LOGS="lines", WEB_ORIGIN=elsewhere)
        try:
            return _test(
                {
                    "API": stack.api,
                    "RAZORPAY": stack.razorpay,
                    "ELSEWHERE": elsewhere,
                    "PAGES": str(PAGES),
                    "CHROMIUM": chromium,
                }
            )
        finally:
            stack.stop()


def _required(chromium: str | None) -> list[tuple[object, str]]:
    return [
        (shutil.which("node"), "Node.js 20 or newer, to run the tests"),
        (shutil.which("npm"), "npm, which comes with Node.js, to install playwright-core and axe"),
        (chromium, "chromium (apt-get install chromium), or another in the variable CHROMIUM"),
    ]


def _test(variables: dict[str, str]) -> int:
    """Run the tests whose names match the variable ONLY, or all of them; returns the exit code."""
    only = ["--test-name-pattern", os.environ["ONLY"]] if os.environ.get("ONLY") else []
    tests = sorted(str(path) for path in FOLDER.glob("*.test.mjs"))
    command = ["node", "--test", "--test-concurrency=1", "--test-reporter=spec", *only, *tests]
    environment = {**os.environ, **variables, "SCREENSHOTS": str(SCREENSHOTS)}
    return subprocess.run(command, cwd=FOLDER, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
