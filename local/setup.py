"""Makes virtual environments, once: without arguments the two that everybody needs, else those that are named.

Runs before anything is installed, so it uses the standard library alone and parses on any Python 3.
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
RUNTIME = (3, 13)  # of the deployed functions: what is built for them is built, and run, by the same Python
# Folder, requirements, what it is, and which Python it needs. They pin different botocores, hence so many.
NEEDED = {
    "project": (".venv", "requirements.txt", "the project's packages", None),
    "ministack": (".venv-ministack", os.path.join("local", "ministack.txt"), "the local AWS stand-in", None),
}
ON_DEMAND = {
    "sam": (".venv-sam", os.path.join("local", "sam.txt"), "the SAM CLI", RUNTIME),
    "stack": (".venv-stack", os.path.join("local", "stack.txt"), "the AWS stand-in that takes stacks", RUNTIME),
    "checkov": (".venv-checkov", os.path.join("local", "checkov.txt"), "checkov", None),
}


def main():
    if sys.version_info < PYTHON_MIN:
        version = ".".join(str(part) for part in sys.version_info[:3])
        return fail("Python 3.11 or newer is needed, this is %s. Try: make PYTHON=python3.13 run" % version)
    wanted = [dict(NEEDED, **ON_DEMAND)[name] for name in sys.argv[1:] or NEEDED]
    missing = [one for one in wanted if not is_made(*one)]
    for place, (folder, requirements, what, version) in enumerate(missing, 1):
        python = sys.executable if version is None else interpreter(version)
        if not python:
            return fail(NO_INTERPRETER % (version + (what,)))
        say("Setting up, once: %s (%d of %d) ..." % (what, place, len(missing)))
        started = time.time()
        problem = make(folder, requirements, python, version)
        if problem:
            shutil.rmtree(os.path.join(ROOT, folder), ignore_errors=True)
            return fail("Setting up %s failed: %s" % (what, problem))
        say("  done in %d s" % (time.time() - started))
    return 0


NO_INTERPRETER = (
    "Python %d.%d, the runtime of the deployed functions, is needed for %s. It is neither on the PATH nor among "
    "pyenv's. Install it (pyenv install 3.13, apt install python3.13 python3.13-venv, brew install python@3.13)."
)


def interpreter(version):
    """The path of a Python of just this version, or None."""
    name = "python%d.%d" % version
    pyenv = os.environ.get("PYENV_ROOT") or os.path.join(os.path.expanduser("~"), ".pyenv")
    found = [shutil.which(name)] + sorted(glob.glob(os.path.join(pyenv, "versions", "*", "bin", name)))
    if sys.version_info[:2] == version:
        found.insert(0, sys.executable)
    asks = "import sys; sys.exit(sys.version_info[:2] != (%d, %d))" % version
    for path in found:  # pyenv puts a shim on the PATH that may lead to no such version
        if path and subprocess.call([path, "-c", asks], stderr=subprocess.DEVNULL) == 0:
            return path
    return None


def make(folder, requirements, base, version):
    """Empty when the environment is made, else what stood in the way."""
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


def run(command):
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
    )
    started = time.time()
    while True:
        try:
            printed = process.communicate(timeout=15)[0]
            break
        except subprocess.TimeoutExpired:
            say("  still installing, %d s" % (time.time() - started))
    if process.returncode == 0:
        return ""
    if "Could not find a version" in printed or "Connection" in printed or "resolution" in printed:
        lines = [line for line in printed.splitlines() if line.startswith("ERROR")]
        reason = lines[-1][:200] if lines else ""
        return "the package index cannot be reached, and this first set-up needs it. (%s)" % reason
    return (printed.strip().splitlines() or ["no reason given"])[-1][:300]


def is_made(folder, requirements, what, version):
    try:
        with open(os.path.join(ROOT, folder, "stamp")) as stamp:
            return stamp.read() == fingerprint(requirements, version)
    except OSError:
        return False


def fingerprint(requirements, version):
    with open(os.path.join(ROOT, requirements), "rb") as wanted:
        digest = hashlib.sha256(wanted.read()).hexdigest()
    return "%d.%d %s" % ((version or sys.version_info[:2]) + (digest,))


def say(line):
    print(line, file=sys.stderr)
    sys.stderr.flush()


def fail(line):
    say(line)
    return 1


if __name__ == "__main__":
    sys.exit(main())
