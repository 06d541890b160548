"""`make clients`: lint openapi.json, generate clients from it, check them, and run them against the service.

Each client and the guide of its language are checked as far as a package can: TypeScript and Kotlin by the compiler,
Dart by a parser. Razorpay's own SDK for Node drives the stand-in for Razorpay, and newman sends the Postman
collection. Node runs these tools, Java the generators and Kotlin's compiler. Neither is needed for
anything else, so that this is a target of its own. All packages are pinned, and everything is made in .venv-clients.
"""

import json
import os
import subprocess
import sys
from typing import Any
from urllib.request import Request, urlopen

from PIL import Image

from tools.clients import generators, postman
from tools.clients.services import service, stand_in
from tools.clients.toolchain import FOLDER, REQUIRED, WORK, install, kotlin_libraries, program, run, works


def main() -> int:
    missing = [why for program, why in REQUIRED.items() if not works(program)]
    if missing:
        print("make clients requires " + "; ".join(missing) + ".", file=sys.stderr)
        return 1
    try:
        install()
        with stand_in() as account:
            run("drive the stand-in for Razorpay", "node", "--test", "razorpay_usage.mjs", **account)
        document = str(generators.DOCUMENT)
        run("lint openapi.json", program("redocly"), "lint", "--extends", "recommended", document)
        generators.typescript()
        generators.dart()
        generators.kotlin()
        with service() as ready:
            send_collection(ready)
            run_typescript(ready)
            run_kotlin(ready)
    except subprocess.CalledProcessError as error:
        print(f"make clients: {error.cmd[0]} failed", file=sys.stderr)
        return 1
    print("the clients of openapi.json, the guides and the Postman collection are in order")
    return 0


def send_collection(ready: dict[str, Any]) -> None:
    """Run every flow of the Postman collection, in order."""
    variables = [f"{name}={ready[key]}" for name, key in (("baseUrl", "api"), ("razorpay", "razorpay"))]
    options = [word for variable in variables for word in ("--env-var", variable)]
    run("send the Postman collection", program("newman"), "run", str(postman.PATH), "--reporters", "cli", *options)


def run_typescript(ready: dict[str, Any]) -> None:
    """Run the generated TypeScript client: a created payment, and a dry run."""
    run("compile the TypeScript client", program("tsc"), "--project", "run.tsconfig.json")
    (WORK / "run" / "package.json").write_text('{"type": "commonjs"}')
    customer, wallet = new_customer(ready["api"])
    variables = {"API": ready["api"], "TOKEN": customer["token"], "WALLET": wallet}
    run("run the TypeScript client", "node", "run/typescript_fetch_run.js", **variables)


def run_kotlin(ready: dict[str, Any]) -> None:
    """Run the guide's Kotlin code: a payment, a dry run, an error in Hindi and a photo."""
    customer, wallet = new_customer(ready["api"])
    photo = FOLDER / "photo.jpg"
    Image.new("RGB", (3024, 4032), "teal").save(photo, "JPEG")
    jars = [*kotlin_libraries(), str(generators.KOTLIN_JAR), str(generators.KOTLIN_USAGE_JAR)]
    arguments = (ready["api"], customer["token"], wallet, str(photo))
    run("run the Kotlin client", "java", "-cp", os.pathsep.join(jars), "usage.UsageKt", *arguments)


def new_customer(api: str) -> tuple[dict[str, str], str]:
    """A customer and the id of their wallet."""
    customer = json_of(Request(f"{api}/_local/customers", data=b"{}", method="POST"))
    headers = {"Authorization": f"Bearer {customer['token']}"}
    return customer, json_of(Request(f"{api}/api/payments/wallets/", headers=headers))["results"][0]["id"]


def json_of(request: Request) -> Any:
    with urlopen(request, timeout=30) as response:
        return json.loads(response.read())


if __name__ == "__main__":
    sys.exit(main())
