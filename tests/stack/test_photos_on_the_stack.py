"""Photos on the deployed stack: S3 invokes the compressor, and every role is enforced on the buckets."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.support.api_client import IMAGES, App
from tests.support.api_client import UPLOAD as UPLOAD_PATH
from tests.support.deployed import DENIED, DeployedStack, clients
from tests.support.image_samples import metadata_in, phone_photo
from tests.support.template_roles import FUNCTIONS, PHOTO_MATRIX

pytestmark = pytest.mark.stack
UPLOAD = "in/" + "0" * 64 + "/a-test-of-roles"
VARIANT = "out/" + "0" * 64 + "/a-test-of-roles/display.jpeg"


@pytest.fixture
def app(local_stack: DeployedStack) -> App:
    return App(local_stack)  # type: ignore[arg-type]


def test_photo_is_compressed_and_deleted_under_real_roles(local_stack: DeployedStack, app: App) -> None:
    photo = app.upload_photo(phone_photo(600, 800, orientation=6))
    assert (photo["status"], photo["original"]["width"], photo["original"]["height"]) == ("ready", 600, 800)
    for variant in photo["variants"]:
        response = requests.get(variant["url"], timeout=30)
        assert (response.status_code, len(response.content)) == (200, variant["bytes"])
        assert metadata_in(response.content, variant["format"]) == []
    assert app.upload_photo(b"no picture at all")["reject"]["code"] == "unsupported_type"
    assert app.get(IMAGES)["count"] == 2
    assert app.call("DELETE", f"{IMAGES}{photo['id']}/").status_code == 204
    assert [requests.get(variant["url"], timeout=30).status_code for variant in photo["variants"]] == [404] * 4
    assert local_stack.invoke("SweepImages")["SweepFailed"] == 0


def test_photo_sent_as_a_form_is_stored_under_real_roles(app: App) -> None:
    """API Gateway hands the form over as base64, and the function's own role stores the photo."""
    data = phone_photo(600, 800, orientation=6)
    response = app.session.post(f"{app.stack.api}{UPLOAD_PATH}", files={"image": ("a.jpg", data)}, timeout=60)
    assert response.status_code == 201, response.text
    photo = app.wait_for_photo(response.json()["id"])
    assert (photo["status"], photo["original"]["bytes"]) == ("ready", len(data))


def calls(local_stack: DeployedStack, s3: Any) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """(bucket, action, a call that tries it). The objects do not exist."""
    for bucket, key in (("UploadsBucket", UPLOAD), ("ImagesBucket", VARIANT)):
        item = {"Bucket": local_stack.stack.resources[bucket], "Key": key}
        prefix = {"Bucket": item["Bucket"], "Prefix": key}
        version = item | {"VersionId": "00000000-0000-4000-8000-000000000000"}
        yield bucket, "s3:PutObject", lambda item=item: s3.put_object(**item, Body=b"x")  # type: ignore[misc]
        yield bucket, "s3:GetObject", lambda item=item: s3.get_object(**item)  # type: ignore[misc]
        yield bucket, "s3:GetObjectVersion", lambda version=version: s3.get_object(**version)  # type: ignore[misc]
        yield bucket, "s3:DeleteObject", lambda item=item: s3.delete_object(**item)  # type: ignore[misc]
        yield bucket, "s3:DeleteObjectVersion", lambda version=version: s3.delete_object(**version)  # type: ignore[misc]
        yield bucket, "s3:ListBucket", lambda prefix=prefix: s3.list_objects_v2(**prefix)  # type: ignore[misc]
        yield bucket, "s3:ListBucketVersions", lambda prefix=prefix: s3.list_object_versions(**prefix)  # type: ignore[misc]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_role_reaches_buckets_exactly_as_in_the_matrix(local_stack: DeployedStack, function: str) -> None:
    authorized: dict[str, set[str]] = {"UploadsBucket": set(), "ImagesBucket": set()}
    for bucket, action, call in calls(local_stack, clients(local_stack, function)("s3")):
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] in DENIED:
                continue
        authorized[bucket].add(action)
    uploads, images, _ = PHOTO_MATRIX.get(function, (set(), set(), set()))
    assert authorized == {"UploadsBucket": uploads, "ImagesBucket": images}


@pytest.mark.parametrize("function", ["DeleteImage", "CompressImage", "SweepImages"])
def test_role_lists_a_bucket_only_under_its_prefix(local_stack: DeployedStack, function: str) -> None:
    s3 = clients(local_stack, function)("s3")
    for bucket, list_objects in (("UploadsBucket", s3.list_object_versions), ("ImagesBucket", s3.list_objects_v2)):
        for prefix in ("", "elsewhere/"):
            with pytest.raises(ClientError, match="AccessDenied"):
                list_objects(Bucket=local_stack.stack.resources[bucket], Prefix=prefix)
