"""Photos on the deployed stack: S3 calls the compressor, and every role is enforced on the buckets, too."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests import pictures
from tests.app import IMAGES, App
from tests.contract.test_photos_template import MATRIX
from tests.deployed import Deployed
from tests.stack.test_roles import DENIED, FUNCTIONS, clients

pytestmark = pytest.mark.stack
UPLOAD = "in/" + "0" * 64 + "/a-test-of-roles"
VARIANT = "out/" + "0" * 64 + "/a-test-of-roles/display.jpeg"


@pytest.fixture
def app(bundle: Deployed) -> App:
    return App(bundle)  # type: ignore[arg-type]


def test_a_photo_goes_the_whole_way_under_the_roles_of_the_template(bundle: Deployed, app: App) -> None:
    shown = app.uploaded(pictures.phone_photo(600, 800, orientation=6))
    assert (shown["status"], shown["original"]["width"], shown["original"]["height"]) == ("ready", 600, 800)
    for one in shown["variants"]:
        answer = requests.get(one["url"], timeout=30)
        assert (answer.status_code, len(answer.content)) == (200, one["bytes"])
        assert pictures.metadata_in(answer.content, one["format"]) == []
    assert app.uploaded(b"no picture at all")["reject"]["code"] == "unsupported_type"
    assert app.get(IMAGES)["count"] == 2
    assert app.call("DELETE", f"{IMAGES}{shown['id']}/").status_code == 204
    assert [requests.get(one["url"], timeout=30).status_code for one in shown["variants"]] == [404] * 4
    assert bundle.invoke("SweepImages")["SweepFailed"] == 0


def calls(bundle: Deployed, s3: Any) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """(bucket, action, how to try it); what is named in them is not there."""
    for bucket, key in (("UploadsBucket", UPLOAD), ("ImagesBucket", VARIANT)):
        place = {"Bucket": bundle.stack.resources[bucket], "Key": key}
        prefix = {"Bucket": place["Bucket"], "Prefix": key}
        version = place | {"VersionId": "00000000-0000-4000-8000-000000000000"}
        yield bucket, "s3:PutObject", lambda place=place: s3.put_object(**place, Body=b"x")  # type: ignore[misc]
        yield bucket, "s3:GetObject", lambda place=place: s3.get_object(**place)  # type: ignore[misc]
        yield bucket, "s3:GetObjectVersion", lambda version=version: s3.get_object(**version)  # type: ignore[misc]
        yield bucket, "s3:DeleteObject", lambda place=place: s3.delete_object(**place)  # type: ignore[misc]
        yield bucket, "s3:DeleteObjectVersion", lambda version=version: s3.delete_object(**version)  # type: ignore[misc]
        yield bucket, "s3:ListBucket", lambda prefix=prefix: s3.list_objects_v2(**prefix)  # type: ignore[misc]
        yield bucket, "s3:ListBucketVersions", lambda prefix=prefix: s3.list_object_versions(**prefix)  # type: ignore[misc]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_is_let_into_the_buckets_where_the_template_says_so_and_nowhere_else(
    bundle: Deployed, function: str
) -> None:
    let_in: dict[str, set[str]] = {"UploadsBucket": set(), "ImagesBucket": set()}
    for bucket, action, call in calls(bundle, clients(bundle, function)("s3")):
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] in DENIED:
                continue
        let_in[bucket].add(action)
    uploads, images, _ = MATRIX.get(function, (set(), set(), set()))
    assert let_in == {"UploadsBucket": uploads, "ImagesBucket": images}


@pytest.mark.parametrize("function", ["DeleteImage", "CompressImage", "SweepImages"])
def test_a_bucket_may_be_listed_below_its_prefix_alone(bundle: Deployed, function: str) -> None:
    s3 = clients(bundle, function)("s3")
    for bucket, listed in (("UploadsBucket", s3.list_object_versions), ("ImagesBucket", s3.list_objects_v2)):
        for prefix in ("", "elsewhere/"):
            with pytest.raises(ClientError, match="AccessDenied"):
                listed(Bucket=bundle.stack.resources[bucket], Prefix=prefix)
