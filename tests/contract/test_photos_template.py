"""The template's rules for photos: who may touch which bucket, and what the buckets themselves refuse."""

import os
import subprocess
import sys

import pytest

from local.template import ROOT
from shared import bucket
from tests.contract.test_template import FUNCTIONS, TEMPLATE, allowed, statements

UPLOADS, IMAGES = "-uploads-${AWS::AccountId}", "-images-${AWS::AccountId}"  # by name
BUCKETS = TEMPLATE.of_type("AWS::S3::Bucket")
POLICIES = {
    one["Bucket"]["Ref"]: one["PolicyDocument"]["Statement"]
    for one in TEMPLATE.of_type("AWS::S3::BucketPolicy").values()
}
REMOVES = {"s3:ListBucketVersions", "s3:DeleteObjectVersion"}, {"s3:ListBucket", "s3:DeleteObject"}
# Function: what it may do with uploads, with images, and with the rows.
MATRIX = {
    "UploadImage": ({"s3:PutObject"}, set(), {"GetItem", "PutItem", "UpdateItem"}),
    "ListImages": (set(), {"s3:GetObject"}, {"Query", "BatchGetItem"}),
    "RetrieveImage": (set(), {"s3:GetObject"}, {"GetItem"}),
    "DeleteImage": (*REMOVES, {"GetItem", "UpdateItem"}),
    "CompressImage": (
        REMOVES[0] | {"s3:GetObjectVersion"},
        REMOVES[1] | {"s3:PutObject"},
        {"GetItem", "UpdateItem"},
    ),
    "SweepImages": (*REMOVES, {"GetItem", "UpdateItem", "DeleteItem", "Query"}),
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_touches_photos_as_the_matrix_says_and_nothing_else(function: str) -> None:
    uploads, images, rows = MATRIX.get(function, (set(), set(), set()))
    assert allowed(function, "UploadsBucket") | allowed(function, UPLOADS) == uploads
    assert allowed(function, "ImagesBucket") | allowed(function, IMAGES) == images
    assert allowed(function, "ImagesTable") == {f"dynamodb:{action}" for action in rows}


def test_what_a_ticket_signs_can_put_an_upload_and_nothing_else() -> None:
    (statement,) = [one for one in statements("UploadImage") if "s3:PutObject" in one["Action"]]
    assert statement["Resource"]["Fn::Sub"].endswith("/in/*")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_the_compressor_carries_the_imaging_layer(function: str) -> None:
    carries = {"Ref": "ImagingLayer"} in FUNCTIONS[function].get("Layers", [])
    assert carries == (function == "CompressImage")


@pytest.mark.parametrize("module", ["upload", "list", "retrieve", "delete", "sweep"])
def test_only_the_compressor_imports_the_imaging_library(module: str) -> None:
    path = os.pathsep.join((str(ROOT), str(ROOT / "functions")))
    code = f"import sys, images.{module}\nassert not {{'PIL', 'pillow_heif', 'razorpay'}} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_compressor_is_called_for_uploads_and_writes_where_nothing_calls_it() -> None:
    (trigger,) = TEMPLATE.triggers
    assert (trigger.function, trigger.bucket, trigger.prefix) == (
        "CompressImage",
        TEMPLATE.bucket("UploadsBucket"),
        "in/",
    )
    assert trigger.bucket != TEMPLATE.bucket("ImagesBucket")
    assert "NotificationConfiguration" not in BUCKETS["ImagesBucket"]


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_is_encrypted_owned_and_reached_by_tls_alone(name: str) -> None:
    properties = BUCKETS[name]
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert properties["BucketEncryption"]
    denied = [one for one in POLICIES[name] if one["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}]
    assert [(one["Effect"], one["Principal"], one["Action"]) for one in denied] == [("Deny", "*", "s3:*")]


def test_every_version_of_an_upload_is_gone_after_a_day() -> None:
    uploads = BUCKETS["UploadsBucket"]
    assert uploads["VersioningConfiguration"]["Status"] == "Enabled"
    rules = uploads["LifecycleConfiguration"]["Rules"]
    assert {one["Status"] for one in rules} == {"Enabled"}
    assert rules[0]["ExpirationInDays"] == rules[0]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 1


def test_a_signature_older_than_any_ticket_puts_nothing() -> None:
    (rule,) = [one for one in POLICIES["UploadsBucket"] if "NumericGreaterThan" in one["Condition"]]
    age_ms = rule["Condition"]["NumericGreaterThan"]["s3:signatureAge"]
    assert (rule["Effect"], rule["Action"]) == ("Deny", "s3:PutObject")
    assert bucket.TICKET_AGE_S * 1_000 <= age_ms <= 600_000


def test_a_web_page_may_upload_only_where_its_origin_is_named() -> None:
    when_named, otherwise = BUCKETS["UploadsBucket"]["CorsConfiguration"]["Fn::If"][1:]
    assert otherwise == {"Ref": "AWS::NoValue"}
    assert [one["AllowedOrigins"] for one in when_named["CorsRules"]] == [[{"Ref": "WebOrigin"}]]
    assert "CorsConfiguration" not in BUCKETS["ImagesBucket"]
