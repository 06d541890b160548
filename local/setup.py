"""Makes the two virtual environments, once: the project's own and the one of the local AWS stand-in.

Runs before anything is installed, so it uses the standard library alone and parses on any Python 3.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON_MIN = (3, 11)
# The stand-in pins a botocore of its own, hence a second environment.
ENVIRONMENTS = (
    (".venv", "requirements.txt", "the project's packages"),
    (".venv-ministack", os.path.join("local", "ministack.txt"), "the local AWS stand-in"),
)


def main():
    if sys.version_info < PYTHON_MIN:
        version = ".".join(str(part) for part in sys.version_info[:3])
        return fail("Python 3.11 or newer is needed, this is %s. Try: make PYTHON=python3.13 run" % version)
    missing = [one for one in ENVIRONMENTS if not is_made(*one[:2])]
    for place, (folder, requirements, what) in enumerate(missing, 1):
        say("Setting up, once: %s (%d of %d) ..." % (what, place, len(missing)))
        started = time.time()
        problem = make(folder, requirements)
        if problem:
            shutil.rmtree(os.path.join(ROOT, folder), ignore_errors=True)
            return fail("Setting up %s failed: %s" % (what, problem))
        say("  done in %d s" % (time.time() - started))
    return 0


def make(folder, requirements):
    """Empty when the environment is made, else what stood in the way."""
    path = os.path.join(ROOT, folder)
    shutil.rmtree(path, ignore_errors=True)
    try:
        problem = run([sys.executable, "-m", "venv", path])
        python = os.path.join(path, "bin", "python")
        problem = problem or run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]
        )
        if problem:
            return problem
        with open(os.path.join(path, "stamp"), "w") as stamp:
            stamp.write(fingerprint(requirements))
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


def is_made(folder, requirements):
    try:
        with open(os.path.join(ROOT, folder, "stamp")) as stamp:
            return stamp.read() == fingerprint(requirements)
    except OSError:
        return False


def fingerprint(requirements):
    with open(os.path.join(ROOT, requirements), "rb") as wanted:
        digest = hashlib.sha256(wanted.read()).hexdigest()
    return "%d.%d %s" % (sys.version_info[0], sys.version_info[1], digest)


def say(line):
    print(line, file=sys.stderr)
    sys.stderr.flush()


def fail(line):
    say(line)
    return 1


if __name__ == "__main__":
    sys.exit(main())
