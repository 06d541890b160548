"""S3 that cannot be reached."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from shared.aws import s3
from shared.errors import ServiceUnavailable
from tests.unit.aws.conftest import UNREACHABLE, raises


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("error", UNREACHABLE, ids=lambda error: type(error).__name__)
def test_unreachable_bucket_is_503(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", raises(error))
    calls: tuple[Callable[[], object], ...] = (
        lambda: s3.first_version("in/x"),
        lambda: s3.get_upload("in/x", "v"),
        lambda: s3.put_image("out/x", b"", "image/jpeg"),
        lambda: s3.remove_upload("in/x"),
        lambda: s3.remove_images("out/x"),
    )
    for call in calls:
        with pytest.raises(ServiceUnavailable):
            call()


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("code", ["NoSuchVersion", "AccessDenied"])
def test_version_that_is_gone_is_none(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 tells a role that may not list the whole bucket nothing but AccessDenied. The row then decides."""
    gone = ClientError({"Error": {"Code": code}}, "GetObject")
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", raises(gone))
    assert s3.get_upload("in/x", "v") is None
