"""What the roles in the template allow, function by function."""

from typing import Any

from local.template import Template

TEMPLATE = Template()
FUNCTIONS = TEMPLATE.of_type("AWS::Serverless::Function")
REMOVES = {"s3:ListBucketVersions", "s3:DeleteObjectVersion"}, {"s3:ListBucket", "s3:DeleteObject"}
# The actions that each function is allowed on uploads, on images, and on rows of ImagesTable.
PHOTO_MATRIX: dict[str, tuple[set[str], set[str], set[str]]] = {
    "CreateImageUpload": ({"s3:PutObject"}, set(), {"GetItem", "PutItem", "UpdateItem", "Query"}),
    "ListImages": (set(), {"s3:GetObject"}, {"Query", "BatchGetItem"}),
    "RetrieveImage": (set(), {"s3:GetObject"}, {"GetItem"}),
    "DeleteImage": (*REMOVES, {"GetItem", "UpdateItem"}),
    "CompressImage": (
        {"s3:GetObjectVersion", "s3:ListBucketVersions"},
        {"s3:PutObject"},
        {"GetItem", "UpdateItem"},
    ),
    "ReplayStaffUploads": (
        {"s3:GetObjectVersion", "s3:ListBucketVersions", "s3:PutObject"},
        set(),
        {"GetItem", "UpdateItem"},
    ),
    "RetrieveStaffEvidence": (set(), set(), {"Query", "BatchGetItem"}),
    "SweepImages": (*REMOVES, {"GetItem", "UpdateItem", "DeleteItem", "Query"}),
}


def statements(function: str) -> list[dict[str, Any]]:
    return [statement for policy in FUNCTIONS[function].get("Policies", []) for statement in policy["Statement"]]


def allowed(function: str, resource: str) -> set[str]:
    """The actions on a resource, given by its logical id or a part of its name, that the role allows."""
    return {
        action
        for statement in statements(function)
        if resource in str(statement["Resource"])
        for action in statement["Action"]
    }
