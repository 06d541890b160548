"""Creates the virtual environments that are missing or outdated: those of `make run`, or the ones named as arguments.

uv installs the packages where it is on the PATH, pip where it is not. Both check the hash of everything.

Runs before any package is installed. It uses only the standard library and parses on any Python 3, so that an old
Python gets a message and not a syntax error.
"""

import glob
import hashlib
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON_MIN = (3, 11)
RUNTIME = (3, 13)  # the Python of the deployed functions: their code is built, compiled and run by the same version
PROGRESS_S = 5


class Environment:
    """A virtual environment: its folder, its pins, and the Python that it needs.

    pins: the first file is installed; an environment made from any of them counts as current.
    """

    def __init__(
        self,
        folder: str,
        pins: "tuple[str, ...]",
        description: str,
        version: "tuple[int, int] | None" = None,
        has_pip: bool = True,
    ) -> None:
        self.has_pip = has_pip  # pip builds layers and installs into other environments
        self.folder, self.pins, self.description, self.version = folder, pins, description, version
        self.path = os.path.join(ROOT, folder)
        self.stamp = os.path.join(self.path, "stamp")
        self.python = os.path.join(self.path, "bin", "python")


RUN_PINS, DEV_PINS = "requirements.txt", "tools/requirements/dev.txt"  # the second has all of the first
# The stand-in, the SAM CLI and checkov pin other versions of botocore, so they cannot share an environment.
ENVIRONMENTS = {
    "run": Environment(".venv", (RUN_PINS, DEV_PINS), "the packages of the service"),
    "ministack": Environment(
        ".venv-ministack", ("tools/requirements/ministack.txt",), "the local AWS stand-in", has_pip=False
    ),
    "dev": Environment(".venv", (DEV_PINS,), "the tools and tests"),
    "sam": Environment(".venv-sam", ("tools/requirements/sam.txt",), "the SAM CLI", RUNTIME),
    "stack": Environment(
        ".venv-stack", ("tools/requirements/stack.txt",), "the AWS stand-in for deployed stacks", RUNTIME
    ),
    "checkov": Environment(".venv-checkov", ("tools/requirements/checkov.txt",), "checkov"),
    "lambda": Environment(".venv-lambda", ("tests/bench/lambda.txt",), "Lambda's runtime client", RUNTIME),
    "lock": Environment(".venv-lock", ("tools/requirements/lock.txt",), "the package resolver"),
    "clients": Environment(".venv-clients", ("tools/requirements/clients.txt",), "the generator of API clients"),
}
DEFAULT = ("run", "ministack")
NO_INTERPRETER = (
    "Python %d.%d, the runtime of the deployed functions, is required for %s. It is neither on the PATH nor "
    "installed by pyenv. Install it: pyenv install 3.13, apt install python3.13 python3.13-venv, or "
    "brew install python@3.13."
)


def main() -> int:
    if sys.version_info < PYTHON_MIN:
        current = ".".join(str(part) for part in sys.version_info[:3])
        return fail("Python 3.11 or newer is required, this is %s. Try: make PYTHON=python3.13 run" % current)
    outdated = [ENVIRONMENTS[name] for name in sys.argv[1:] or DEFAULT if not is_current(ENVIRONMENTS[name])]
    for number, environment in enumerate(outdated, 1):
        base = find_interpreter(environment.version) if environment.version else sys.executable
        if not base:
            return fail(NO_INTERPRETER % ((environment.version or PYTHON_MIN) + (environment.description,)))
        uv = find_uv()
        tool = "uv" if uv else "pip"
        say("Setting up %s with %s (%d of %d) " % (environment.description, tool, number, len(outdated)))
        started = time.time()
        problem = create(environment, base, uv)
        if problem and uv:
            say("\n  uv: %s\n  Now with pip " % problem)
            problem = create(environment, base, None)
        if problem:
            return fail("\nSetting up %s failed: %s" % (environment.description, problem))
        say(" %d s\n" % (time.time() - started))
    return 0


def find_interpreter(version: "tuple[int, int]") -> "str | None":
    """The path of a Python of exactly this minor version, or None."""
    name = "python%d.%d" % version
    pyenv = os.environ.get("PYENV_ROOT") or os.path.join(os.path.expanduser("~"), ".pyenv")
    candidates = [shutil.which(name)] + sorted(glob.glob(os.path.join(pyenv, "versions", "*", "bin", name)))
    if sys.version_info[:2] == version:
        candidates.insert(0, sys.executable)
    check = "import sys; sys.exit(sys.version_info[:2] != (%d, %d))" % version
    for path in candidates:  # a shim of pyenv on the PATH may have no such version behind it
        if path and subprocess.call([path, "-c", check], stderr=subprocess.DEVNULL) == 0:
            return path
    return None


def find_uv() -> "str | None":
    """The path of a uv that runs, or None."""
    path = shutil.which("uv")
    try:
        works = (
            path and subprocess.call([path, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
        )
    except OSError:
        works = False
    return path if works else None


def create(environment: Environment, base: str, uv: "str | None") -> str:
    """Install the pins, in the environment that exists if its Python fits. Return the reason of a failure, or ""."""
    try:
        is_new = not is_usable(environment)
        if is_new:
            shutil.rmtree(environment.path, ignore_errors=True)
        elif os.path.exists(environment.stamp):
            os.unlink(environment.stamp)  # what is half installed is not current
        problem = run(commands_of(environment, base, uv, is_new))
        if problem and is_new:
            shutil.rmtree(environment.path, ignore_errors=True)
        if not problem:
            with open(environment.stamp, "w") as stamp:
                stamp.write(fingerprint(environment.pins[0], environment.version))
        return problem
    except OSError as error:
        return str(error)


def commands_of(environment: Environment, base: str, uv: "str | None", is_new: bool) -> "list[list[str]]":
    """The commands that create the environment and install its pins.

    Neither compiles the packages: Python compiles what it imports, which is a small part of them.
    """
    pins = ["--require-hashes", "-r", environment.pins[0]]
    if uv:
        creation = [uv, "venv", "--quiet", "--no-python-downloads", "--python", base, environment.path]
        if environment.has_pip:
            creation.insert(2, "--seed")
        install = [uv, "pip", "install", "--quiet", "--python", environment.python] + pins
    else:
        creation = [base, "-m", "venv", environment.path]
        pip = [environment.python, "-m", "pip"]
        if not environment.has_pip and is_usable(ENVIRONMENTS["run"]):  # installing pip itself takes seconds
            creation.insert(3, "--without-pip")
            pip = [ENVIRONMENTS["run"].python, "-m", "pip", "--python", environment.python]
        install = pip + ["install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        install += ["--no-deps"] + pins  # the pins name every dependency
    return [creation, install] if is_new else [install]


def is_usable(environment: Environment) -> bool:
    """Whether the environment exists, has pip if it must, and has the Python that it needs."""
    check = "import %s sys; sys.exit(sys.version_info[:2] != (%d, %d))"
    check %= ("pip," if environment.has_pip else "",) + (environment.version or sys.version_info[:2])
    try:
        return subprocess.call([environment.python, "-c", check], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def run(commands: "list[list[str]]") -> str:
    """Run commands and write a dot every few seconds. Return the reason why one failed, or an empty string."""
    for command in commands:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
        )
        while True:
            try:
                output = process.communicate(timeout=PROGRESS_S)[0]
                break
            except subprocess.TimeoutExpired:
                say(".")
        if process.returncode:
            return reason_of(output)
    return ""


def reason_of(output: str) -> str:
    """The line that explains why a command failed."""
    lines = output.strip().splitlines() or ["no reason given"]
    if any(
        sign in output for sign in ("Could not find a version", "onnection", "resolution", "error sending request")
    ):
        errors = [line for line in lines if line.lower().lstrip().startswith("error")]
        reason = (errors or lines)[-1].strip()[:200]
        return "the package index cannot be reached, and the first set-up needs it. (%s)" % reason
    return lines[-1].strip()[:300]


def is_current(environment: Environment) -> bool:
    try:
        with open(environment.stamp) as stamp:
            return stamp.read() in [fingerprint(pins, environment.version) for pins in environment.pins]
    except OSError:
        return False


def fingerprint(requirements: str, version: "tuple[int, int] | None") -> str:
    with open(os.path.join(ROOT, requirements), "rb") as pins:
        digest = hashlib.sha256(pins.read()).hexdigest()
    return "%d.%d %s" % ((version or sys.version_info[:2]) + (digest,))


def say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def fail(line: str) -> int:
    say(line + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
