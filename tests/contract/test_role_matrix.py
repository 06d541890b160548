"""Roles: what each function may do is in a matrix, and a boundary limits what is attached to roles besides."""

import pytest

from local.template import Template
from tests.support.role_matrix import MATRIX
from tests.support.roles import BOUNDARY, boundary_faults, role_faults

TEMPLATE = Template()


def test_roles_are_as_in_the_matrix() -> None:
    assert list(role_faults(TEMPLATE)) == []


def test_boundary_allows_what_the_matrix_needs_and_no_more() -> None:
    assert list(boundary_faults(TEMPLATE)) == []


def test_boundary_writes_to_the_own_log_group_only() -> None:
    """SAM's managed policy allows to create log groups, and to write to any: a forged line is a forged metric."""
    writers = {resource for resource, actions in BOUNDARY.items() if "PutLogEvents" in actions.split()}
    assert writers == {"Logs"} and not [actions for actions in BOUNDARY.values() if "CreateLogGroup" in actions]


@pytest.mark.parametrize("action", ["DeleteObject", "DeleteObjectVersion"])
def test_only_the_sweeper_and_delete_remove_photos(action: str) -> None:
    removers = {name for name, rows in MATRIX.items() if action in " ".join(rows.values()).split()}
    assert removers == {"DeleteImage", "SweepImages"}
