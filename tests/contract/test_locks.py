"""Every package that a layer, the project or a dependency group asks for is pinned with hashes."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.lock import DEV, LAYERS, LOCKS, ROOT, RUN, Lock, moves

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
READS_THE_TEMPLATE = "pyyaml"
MAKES_LOCAL_RESOURCES = "boto3"  # no function does
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def entries(path: Path) -> Iterator[str]:
    """Each entry of a requirements file as one line, without comments."""
    for entry in path.read_text().replace("\\\n", " ").splitlines():
        if text := entry.partition("#")[0].strip():
            yield text


def requested(path: Path) -> Iterator[Requirement]:
    """What a requirements file asks for, included files too."""
    for entry in entries(path):
        if entry.startswith("-r "):
            yield from requested(path.parent / entry.removeprefix("-r ").strip())
        elif not entry.startswith("-c "):
            yield Requirement(entry.partition(" --hash")[0])


def pins(lock: Lock) -> dict[str, set[str]]:
    """Versions by canonical package name: two where a marker chooses."""
    found: dict[str, set[str]] = {}
    for requirement in requested(ROOT / lock.output):
        found.setdefault(canonicalize_name(requirement.name), set()).add(str(requirement.specifier))
    return found


def sources(lock: Lock) -> Iterator[Requirement]:
    """What the lock asks for: a layer's file, the project's dependencies, a group."""
    if lock.source.endswith(".in"):
        yield from requested(ROOT / lock.source)
    elif lock.source:
        yield from map(Requirement, PROJECT["project"]["dependencies"])
    if lock.group:
        yield from map(Requirement, PROJECT["dependency-groups"][lock.group])


@pytest.fixture(params=LOCKS, ids=lambda lock: lock.output)
def lock(request: pytest.FixtureRequest) -> Lock:
    return request.param


def test_every_requested_package_is_pinned(lock: Lock) -> None:
    names = {canonicalize_name(requirement.name) for requirement in sources(lock)}
    assert names and names <= set(pins(lock))


def test_every_entry_has_one_version_and_hashes(lock: Lock) -> None:
    for entry in entries(ROOT / lock.output):
        requirement, *hashes = entry.split(" --hash=")
        (version,) = Requirement(requirement).specifier
        assert version.operator == "==" and "*" not in version.version, entry
        assert hashes and all(HASH.fullmatch(f"--hash={text.strip()}") for text in hashes), entry


def test_pins_satisfy_requested_versions(lock: Lock) -> None:
    for requirement in sources(lock):
        for pin in pins(lock)[canonicalize_name(requirement.name)]:
            assert requirement.specifier.contains(pin.removeprefix("=="), prereleases=True), requirement


@pytest.mark.parametrize("layer", LAYERS, ids=lambda lock: lock.source)
def test_project_environment_has_the_versions_of_the_layers(layer: Lock) -> None:
    project, shipped = pins(RUN), pins(layer)
    assert {name: project[name] for name in shipped} == shipped


def test_project_depends_on_what_its_layers_ship() -> None:
    shipped = {str(requirement) for layer in LAYERS for requirement in sources(layer)}
    assert {str(requirement) for requirement in sources(RUN)} == shipped | {READS_THE_TEMPLATE, MAKES_LOCAL_RESOURCES}


def test_tests_run_on_the_pins_of_make_run() -> None:
    """So the environment of `make test` also serves `make run`."""
    run, dev = pins(RUN), pins(DEV)
    assert {name: dev[name] for name in run} == run


def test_make_lock_writes_every_requirements_file() -> None:
    """A `.txt` file that `make lock` does not write would go stale; a source that it skips is never pinned."""
    folders = (ROOT, *(ROOT / "layers").glob("*/"), ROOT / "tools" / "requirements", ROOT / "tests" / "bench")
    inputs = {path for folder in folders for path in folder.glob("*.in")}
    outputs = {path for folder in folders for path in folder.glob("*.txt")}
    assert inputs == {ROOT / lock.source for lock in LOCKS if lock.source.endswith(".in")}
    assert set(PROJECT["dependency-groups"]) == {lock.group for lock in LOCKS if lock.group}
    assert outputs == {ROOT / lock.output for lock in LOCKS}


def test_outdated_pins_are_listed_with_both_versions() -> None:
    pinned = "boto3==1.44.5 \\\n    --hash=sha256:1\ncolorama==0.4.6 ; sys_platform == 'win32' \\\nsix==1.17.0\n"
    newest = pinned.replace("1.44.5", "1.44.9").replace("six==1.17.0\n", "")
    assert moves(pinned, newest) == ["boto3 1.44.5 -> 1.44.9", "six 1.17.0 -> absent"]
    assert moves(pinned, pinned) == []
