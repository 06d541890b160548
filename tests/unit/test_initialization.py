"""The end of a function's initialization: what is prepared, when, and again after a restore from a snapshot."""

import gc
import random
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from shared import initialization, private_names
from shared.initialization import GARBAGE_MAX

TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE"


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What happened to the one client that is registered."""
    happened: list[str] = []
    monkeypatch.setattr(initialization, "_clients", [])
    monkeypatch.setattr(private_names, "connect", lambda client: happened.append(f"connect {client}"))
    initialization.register(lambda: "client", lambda client: happened.append(f"rehearse {client}"))
    threshold = gc.get_threshold()
    yield happened
    gc.unfreeze()
    gc.set_threshold(*threshold)


@pytest.fixture
def after_restore(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """The hooks that are registered with Lambda's runtime."""
    hooks: list[Callable[[], None]] = []
    runtime: Any = ModuleType("snapshot_restore_py")
    runtime.register_after_restore = hooks.append
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", runtime)
    return hooks


def test_nothing_is_prepared_outside_lambda(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TYPE, raising=False)
    initialization.finish()
    assert done == []


def test_client_is_rehearsed_and_then_connected(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TYPE, "on-demand")
    initialization.finish()
    assert done == ["rehearse client", "connect client"]
    assert gc.get_freeze_count() > 0 and gc.get_threshold()[0] == GARBAGE_MAX


@pytest.mark.parametrize("writes", [False, True])
def test_write_is_rehearsed_where_events_write(
    writes: bool, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(initialization, "_clients", [])
    initialization.register(
        lambda: "client", lambda client: done.append("read"), lambda client: done.append(f"write {client}")
    )
    monkeypatch.setenv(TYPE, "on-demand")
    initialization.finish(writes=writes)
    assert done == ["read", *(["write client"] if writes else []), "connect client"]


def test_failed_preparation_stops_no_function(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(client: str) -> None:
        raise RuntimeError

    initialization.register(lambda: "other", fail)
    monkeypatch.setenv(TYPE, "on-demand")
    initialization.finish()


def test_snapshot_has_no_connection(
    done: list[str], after_restore: list[Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TYPE, "snap-start")
    initialization.finish()
    assert done == ["rehearse client"]
    (restore,) = after_restore
    restore()
    assert done == ["rehearse client", "connect client"]


def test_restored_environments_draw_other_random_numbers(done: list[str]) -> None:
    drawn = []
    for _ in range(2):
        random.seed(7)  # the state in the snapshot
        initialization.restore()
        drawn.append(random.random())
    assert drawn[0] != drawn[1]
