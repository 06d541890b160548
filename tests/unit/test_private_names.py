"""The private names of libraries that `shared/private_names.py` uses still mean what it expects."""

import importlib.metadata

import pytest

from shared.private_names import CHECKED

WHAT_TO_DO = """
{name} is {installed}, and shared/private_names.py was written for {checked}. Read that module beside the library's
new source. Run tests/unit/aws, tests/unit/razorpay, make check and PART=cold make bench. If all is well, write the
new version into CHECKED. If a name is gone, look for a public one first.
"""


@pytest.mark.parametrize(("name", "checked"), CHECKED.items())
def test_library_is_the_version_that_was_read(name: str, checked: str) -> None:
    installed = importlib.metadata.version(name)
    assert installed == checked, WHAT_TO_DO.format(name=name, installed=installed, checked=checked)
