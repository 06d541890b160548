"""Every package that an `.in` file asks for is pinned with hashes in the `.txt` file beside it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.lock import LOCKS, ROOT, Lock

# HeifLayer is optional: the project's environment does not include it.
LAYERS = [lock for lock in LOCKS if lock.source.startswith("layers/") and "/heif/" not in lock.source]
PROJECT = next(lock for lock in LOCKS if lock.source == "requirements.in")
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


@pytest.fixture(params=LOCKS, ids=lambda lock: lock.source)
def lock(request: pytest.FixtureRequest) -> Lock:
    return request.param


def test_every_requested_package_is_pinned(lock: Lock) -> None:
    names = {canonicalize_name(requirement.name) for requirement in requested(ROOT / lock.source)}
    assert names and names <= set(pins(lock))


def test_every_entry_has_one_version_and_hashes(lock: Lock) -> None:
    for entry in entries(ROOT / lock.output):
        requirement, *hashes = entry.split(" --hash=")
        (version,) = Requirement(requirement).specifier
        assert version.operator == "==" and "*" not in version.version, entry
        assert hashes and all(HASH.fullmatch(f"--hash={text.strip()}") for text in hashes), entry


def test_pins_satisfy_requested_versions(lock: Lock) -> None:
    for requirement in requested(ROOT / lock.source):
        for pin in pins(lock)[canonicalize_name(requirement.name)]:
            assert requirement.specifier.contains(pin.removeprefix("=="), prereleases=True), requirement


@pytest.mark.parametrize("layer", LAYERS, ids=lambda lock: lock.source)
def test_project_environment_has_the_versions_of_the_layers(layer: Lock) -> None:
    project, shipped = pins(PROJECT), pins(layer)
    assert {name: project[name] for name in shipped} == shipped


def test_make_lock_writes_every_requirements_file() -> None:
    """A `.txt` file that `make lock` does not write would go stale; an `.in` file that it skips is never pinned."""
    folders = (ROOT, *(ROOT / "layers").glob("*/"), ROOT / "tools" / "requirements", ROOT / "tests" / "bench")
    sources = {path for folder in folders for path in folder.glob("*.in")}
    outputs = {path for folder in folders for path in folder.glob("*.txt")}
    assert sources == {ROOT / lock.source for lock in LOCKS}
    assert outputs == {ROOT / lock.output for lock in LOCKS}
