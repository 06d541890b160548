"""Rules for photos in the template: which role reaches which bucket, and what the buckets deny."""

import os
import subprocess
import sys

import pytest

from local.template import ROOT
from shared.aws import presign
from tests.support.template_roles import FUNCTIONS, PHOTO_MATRIX, TEMPLATE, allowed, statements

UPLOADS, IMAGES = "-uploads-${AWS::AccountId}", "-images-${AWS::AccountId}"  # by name
BUCKETS = TEMPLATE.of_type("AWS::S3::Bucket")
POLICIES = {
    policy["Bucket"]["Ref"]: policy["PolicyDocument"]["Statement"]
    for policy in TEMPLATE.of_type("AWS::S3::BucketPolicy").values()
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_role_reaches_photos_exactly_as_in_the_matrix(function: str) -> None:
    uploads, images, rows = PHOTO_MATRIX.get(function, (set(), set(), set()))
    assert allowed(function, "UploadsBucket") | allowed(function, UPLOADS) == uploads
    assert allowed(function, "ImagesBucket") | allowed(function, IMAGES) == images
    assert allowed(function, "ImagesTable") == {f"dynamodb:{action}" for action in rows}


def test_presigned_upload_can_only_put_uploads() -> None:
    """A signature allows no more than the role of the function that signs."""
    (statement,) = [row for row in statements("CreateImageUpload") if "s3:PutObject" in row["Action"]]
    assert statement["Resource"]["Fn::Sub"].endswith("/in/*")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_the_compressor_has_the_imaging_layer(function: str) -> None:
    has_layer = {"Ref": "ImagingLayer"} in FUNCTIONS[function].get("Layers", [])
    assert has_layer == (function == "CompressImage")


IMPORT_ALL = """
import importlib, sys
packages, modules = {packages!r}, {modules!r}
for module in modules:
    importlib.import_module(module)
    assert not packages & set(sys.modules), module
"""


@pytest.mark.parametrize(
    "layer, packages", [("ImagingLayer", {"PIL", "pillow_heif"}), ("AuthorizerLayer", {"jwt", "cryptography"})]
)
def test_functions_without_a_layer_do_not_import_its_packages(layer: str, packages: set[str]) -> None:
    """On Lambda such an import fails, and so does every call. One process imports them all."""
    without = [function for function in FUNCTIONS.values() if {"Ref": layer} not in function.get("Layers", [])]
    assert len(without) > len(FUNCTIONS) / 2
    modules = [function["Handler"].removesuffix(".handler") for function in without]
    path = os.pathsep.join((str(ROOT), str(ROOT / "functions")))
    code = IMPORT_ALL.format(packages=packages, modules=modules)
    process = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("module", ["create_upload", "list", "retrieve", "delete", "sweep"])
def test_photos_do_not_import_razorpay(module: str) -> None:
    path = os.pathsep.join((str(ROOT), str(ROOT / "functions")))
    code = f"import sys, images.{module}\nassert 'razorpay' not in sys.modules"
    process = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr


def test_compressor_output_triggers_no_function() -> None:
    """S3 invokes the compressor for uploads only, and the compressor writes to another bucket: it cannot loop."""
    (trigger,) = TEMPLATE.triggers
    assert (trigger.function, trigger.bucket, trigger.prefix) == (
        "CompressImage",
        TEMPLATE.bucket("UploadsBucket"),
        "in/",
    )
    assert trigger.bucket != TEMPLATE.bucket("ImagesBucket")
    assert "NotificationConfiguration" not in BUCKETS["ImagesBucket"]


@pytest.mark.parametrize("name", BUCKETS)
def test_bucket_is_encrypted_and_requires_tls(name: str) -> None:
    properties = BUCKETS[name]
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert properties["BucketEncryption"]
    without_tls = [row for row in POLICIES[name] if row["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}]
    assert [(row["Effect"], row["Principal"], row["Action"]) for row in without_tls] == [("Deny", "*", "s3:*")]


def test_upload_versions_expire_after_one_day() -> None:
    uploads = BUCKETS["UploadsBucket"]
    assert uploads["VersioningConfiguration"]["Status"] == "Enabled"
    rules = uploads["LifecycleConfiguration"]["Rules"]
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    assert rules[0]["ExpirationInDays"] == rules[0]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 1


def test_bucket_denies_signatures_older_than_an_upload_url() -> None:
    (statement,) = [row for row in POLICIES["UploadsBucket"] if "NumericGreaterThan" in row["Condition"]]
    age_ms = statement["Condition"]["NumericGreaterThan"]["s3:signatureAge"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:PutObject")
    assert presign.UPLOAD_AGE_S_MAX * 1_000 <= age_ms <= 600_000


def test_web_page_may_upload_only_from_its_origin() -> None:
    with_origin, without_origin = BUCKETS["UploadsBucket"]["CorsConfiguration"]["Fn::If"][1:]
    assert without_origin == {"Ref": "AWS::NoValue"}
    assert [rule["AllowedOrigins"] for rule in with_origin["CorsRules"]] == [[{"Ref": "WebOrigin"}]]
    assert "CorsConfiguration" not in BUCKETS["ImagesBucket"]
