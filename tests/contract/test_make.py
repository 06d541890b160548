"""The Makefile's targets are documented, and the pre-commit hooks run what `make lint` runs."""

import re
import subprocess

import yaml

from tools.lock import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def recipe(target: str) -> list[str]:
    """The commands of a target."""
    lines = MAKEFILE.partition(f"\n{target}:")[2].splitlines()[1:]
    end = next(number for number, line in enumerate(lines) if not line.startswith("\t"))
    return [line.strip() for line in lines[:end]]


def test_pre_commit_hooks_run_the_commands_of_make_lint() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert [hook["entry"] for hook in hooks] == recipe("lint")
    assert {repository["repo"] for repository in config["repos"]} == {"local"}
    assert all(hook["language"] == "system" and hook["pass_filenames"] is False for hook in hooks)


def test_help_describes_every_target() -> None:
    command = ["make", "--no-print-directory", "help"]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert {line.split()[0] for line in lines if len(line.split()) > 1} == TARGETS
    assert all(len(line) <= 120 for line in lines)


def test_every_target_is_phony() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    assert set(phony.split()) == TARGETS


def test_pythons_agree() -> None:
    """Ruff, mypy, `make setup` and `make lock` name the oldest Python, which .python-version selects."""
    oldest = (ROOT / ".python-version").read_text().strip()
    settings = (ROOT / "pyproject.toml").read_text()
    assert f'python_version = "{oldest}"' in settings
    assert f'target-version = "py{oldest.replace(".", "")}"' in settings
    assert f"PYTHON_MIN = ({oldest.replace('.', ', ')})" in (ROOT / "tools" / "setup.py").read_text()
    assert f'OLDEST = "{oldest}"' in (ROOT / "tools" / "lock.py").read_text()


def test_build_says_what_comes_next_and_ci_checks_what_was_built() -> None:
    assert recipe("build")[-1] == '@echo "Next: make check, then .venv-sam/bin/sam deploy"'
    targets = re.findall(r"^for target in (.+); do$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)[0].split()
    assert targets.index("build") < targets.index("check") and set(targets) <= TARGETS


def test_test_engine_is_one_version_whose_package_runs_nothing() -> None:
    """Its file is compared with a hash before it runs: tests/support/engines.py."""
    (install,) = [line for line in MAKEFILE.splitlines() if "npm install" in line and "dynoxide" in line]
    assert "--ignore-scripts" in install and re.search(r"@\d+\.\d+\.\d+ ", install)
