"""Creates the virtual environments that are missing or outdated: the two that `make run` and `make test` need,
or the ones named as arguments.

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
PROGRESS_S = 15
# Folder, requirements, description, and the Python that the environment needs. They pin different versions of
# botocore, so they cannot share an environment.
DEFAULT = {  # type: dict[str, tuple[str, str, str, tuple[int, int] | None]]
    "project": (".venv", "requirements.txt", "the project's packages", None),
    "ministack": (".venv-ministack", "tools/requirements/ministack.txt", "the local AWS stand-in", None),
}
ON_DEMAND = {  # type: dict[str, tuple[str, str, str, tuple[int, int] | None]]
    "sam": (".venv-sam", "tools/requirements/sam.txt", "the SAM CLI", RUNTIME),
    "stack": (".venv-stack", "tools/requirements/stack.txt", "the AWS stand-in for deployed stacks", RUNTIME),
    "checkov": (".venv-checkov", "tools/requirements/checkov.txt", "checkov", None),
    "lock": (".venv-lock", "tools/requirements/lock.txt", "the package resolver", None),
    "clients": (".venv-clients", "tools/requirements/clients.txt", "the generator of API clients", None),
}
NO_INTERPRETER = (
    "Python %d.%d, the runtime of the deployed functions, is required for %s. It is neither on the PATH nor "
    "installed by pyenv. Install it: pyenv install 3.13, apt install python3.13 python3.13-venv, or "
    "brew install python@3.13."
)


def main() -> int:
    if sys.version_info < PYTHON_MIN:
        current = ".".join(str(part) for part in sys.version_info[:3])
        return fail("Python 3.11 or newer is required, this is %s. Try: make PYTHON=python3.13 run" % current)
    environments = dict(DEFAULT, **ON_DEMAND)
    outdated = [environments[name] for name in sys.argv[1:] or DEFAULT if not is_current(*environments[name])]
    for number, (folder, requirements, description, version) in enumerate(outdated, 1):
        python = find_interpreter(version) if version else sys.executable
        if not python:
            return fail(NO_INTERPRETER % ((version or PYTHON_MIN) + (description,)))
        say("Setting up %s (%d of %d) ..." % (description, number, len(outdated)))
        started = time.time()
        problem = create(folder, requirements, python, version)
        if problem:
            shutil.rmtree(os.path.join(ROOT, folder), ignore_errors=True)
            return fail("Setting up %s failed: %s" % (description, problem))
        say("  done in %d s" % (time.time() - started))
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


def create(folder: str, requirements: str, base: str, version: "tuple[int, int] | None") -> str:
    """Create the environment. Return an empty string, or the reason why it failed."""
    path = os.path.join(ROOT, folder)
    shutil.rmtree(path, ignore_errors=True)
    try:
        problem = run([base, "-m", "venv", path])
        python = os.path.join(path, "bin", "python")
        problem = problem or run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]
        )
        if problem:
            return problem
        with open(os.path.join(path, "stamp"), "w") as stamp:
            stamp.write(fingerprint(requirements, version))
    except OSError as error:
        return str(error)
    return ""


def run(command: "list[str]") -> str:
    """Run a command and report progress. Return an empty string, or the reason why it failed."""
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
    )
    started = time.time()
    while True:
        try:
            output = process.communicate(timeout=PROGRESS_S)[0]
            break
        except subprocess.TimeoutExpired:
            say("  still installing, %d s" % (time.time() - started))
    if process.returncode == 0:
        return ""
    if "Could not find a version" in output or "Connection" in output or "resolution" in output:
        lines = [line for line in output.splitlines() if line.startswith("ERROR")]
        reason = lines[-1][:200] if lines else ""
        return "the package index cannot be reached, and the first set-up needs it. (%s)" % reason
    return (output.strip().splitlines() or ["no reason given"])[-1][:300]


def is_current(folder: str, requirements: str, description: str, version: "tuple[int, int] | None") -> bool:
    try:
        with open(os.path.join(ROOT, folder, "stamp")) as stamp:
            return stamp.read() == fingerprint(requirements, version)
    except OSError:
        return False


def fingerprint(requirements: str, version: "tuple[int, int] | None") -> str:
    with open(os.path.join(ROOT, requirements), "rb") as pins:
        digest = hashlib.sha256(pins.read()).hexdigest()
    return "%d.%d %s" % ((version or sys.version_info[:2]) + (digest,))


def say(line: str) -> None:
    print(line, file=sys.stderr)
    sys.stderr.flush()


def fail(line: str) -> int:
    say(line)
    return 1


if __name__ == "__main__":
    sys.exit(main())
