"""`make doctor`: what `make run` and the other targets need, and whether this machine has it.

Runs before any package is installed and on any Python 3, so it uses the standard library alone. What it takes from
local/ is imported by the checks that need a newer Python. Prints a line for each check and exits 1 if `make run`
cannot work.
"""

import os
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from tools import setup

OK, ABSENT, FAILED = "ok", "--", "NO"
PORTS = (8787, 8788, 8789)
FREE_BYTES_MIN = 1_000_000_000


def main() -> int:
    is_old = sys.version_info < setup.PYTHON_MIN
    results = [check() for check in CHECKS if not (is_old and check in NEED_LOCAL)]
    for mark, line in results:
        print("%s  %s" % (mark, line))
    broken = sum(mark == FAILED for mark, line in results)
    print("make run cannot work until %d of these are fixed." % broken if broken else "make run can work.")
    return 1 if broken else 0


def python() -> "tuple[str, str]":
    current = "%d.%d.%d" % sys.version_info[:3]
    if sys.version_info < setup.PYTHON_MIN:
        return FAILED, "Python is %s; 3.11 or newer is required. Try: make PYTHON=python3.13 run" % current
    return OK, "Python %s at %s" % (current, sys.executable)


def system() -> "tuple[str, str]":
    if not hasattr(os, "fork"):
        return FAILED, "this system cannot fork processes; on Windows use WSL"
    return OK, "the system is %s" % sys.platform


def installer() -> "tuple[str, str]":
    uv = setup.find_uv()
    if uv:
        return OK, "uv at %s installs packages" % uv
    for module in ("venv", "ensurepip"):
        if subprocess.call([sys.executable, "-c", "import " + module], stderr=subprocess.DEVNULL):
            return FAILED, "neither uv nor the Python module %s is here. Try: apt install python3-venv" % module
    return OK, "pip installs packages; uv would be faster"


def environments() -> "tuple[str, str]":
    missing = [name for name in setup.DEFAULT if not setup.is_current(setup.ENVIRONMENTS[name])]
    if missing:
        return ABSENT, "make run will install packages first: %s" % ", ".join(
            setup.ENVIRONMENTS[name].folder for name in missing
        )
    return OK, "the packages are installed and current"


def handlers() -> "tuple[str, str]":
    """Whether the template can be read and every function imported."""
    environment = setup.ENVIRONMENTS["run"]
    if not setup.is_current(environment):
        return ABSENT, "the functions are checked once the packages are installed"
    code = (
        "import importlib, sys; sys.path[:0] = ['.', 'functions']\n"
        "from local.template import Template\n"
        "for function in Template().functions.values(): importlib.import_module(function.handler.rpartition('.')[0])"
    )
    done = subprocess.run(
        [environment.python, "-c", code], cwd=setup.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        return FAILED, "the functions cannot be imported: %s" % lines[-1]
    return OK, "template.yaml can be read and every function imported"


def ports() -> "tuple[str, str]":
    taken = [str(port) for port in PORTS if not is_free(port)]
    if taken:
        return ABSENT, "taken ports: %s; make run takes others and says which" % ", ".join(taken)
    return OK, "the ports %d to %d are free" % (PORTS[0], PORTS[-1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def state() -> "tuple[str, str]":
    from local.state import folder_path

    folder = str(folder_path())
    parent = folder if os.path.isdir(folder) else os.path.dirname(os.path.abspath(folder))
    if not os.access(parent, os.W_OK):
        return FAILED, "the state folder %s cannot be written" % folder
    free_bytes = shutil.disk_usage(parent).free
    if free_bytes < FREE_BYTES_MIN:
        return FAILED, "only %d MB are free below %s" % (free_bytes // 1_000_000, parent)
    return OK, "the state folder is %s" % folder


def phone() -> "tuple[str, str]":
    from local.addresses import LOOPBACK, lan_address

    address = lan_address()
    if address == LOOPBACK:
        return ABSENT, "this machine has no network, so no phone can reach it"
    return OK, "HOST=lan make run would listen on %s" % address


def runtime() -> "tuple[str, str]":
    version = "%d.%d" % setup.RUNTIME
    path = setup.find_interpreter(setup.RUNTIME)
    if not path:
        return ABSENT, "make build, check and stack need Python %s" % version
    return OK, "Python %s for make build is at %s" % (version, path)


def programs() -> "tuple[str, str]":
    wanted = (("curl", "the commands of the banner"), ("npm", "make clients"), ("java", "make clients"))
    missing = ["%s (%s)" % (name, use) for name, use in wanted if not shutil.which(name)]
    if missing:
        return ABSENT, "not on the PATH: %s" % ", ".join(missing)
    return OK, "curl, npm and java are on the PATH"


CHECKS = (python, system, installer, environments, handlers, ports, state, phone, runtime, programs)
NEED_LOCAL = (state, phone)  # they import from local/, which an old Python cannot read

if __name__ == "__main__":
    sys.exit(main())
