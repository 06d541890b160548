"""The template for a host other than AWS, made from the parsed template.yaml."""

import copy
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from local.template import Template

Document = dict[str, Any]

ALARM, DASHBOARD = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"
NESTED_STACK = "AWS::CloudFormation::Stack"
# The local CloudFormation does not implement these, and no request needs them. It does implement bucket policies, but
# ours deny what does not come by TLS, and the AWS stand-in speaks plain HTTP on the loopback interface.
UNSUPPORTED = {
    "AWS::S3::BucketPolicy",
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::Logs::QueryDefinition",
    "AWS::WAFv2::IPSet",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::WebACL",  # which names the set
    "AWS::WAFv2::WebACLAssociation",
}


class Host(StrEnum):
    SAM_LOCAL = "sam-local"  # `sam local invoke` and `sam local start-api`
    STACK = "stack"  # the local CloudFormation that `make stack` deploys into


def write_host_template(source: Path, folder: Path, host: Host, architecture: str) -> Path:
    """Write the template and its nested ones for this host into a folder. Return the path of the first."""
    template = Template(source)
    folder.mkdir(parents=True, exist_ok=True)
    for nested in template.of_type(NESTED_STACK).values():
        write_host_template(source.parent / nested["TemplateURL"], folder, host, architecture)
    path = folder / source.name
    path.write_text(yaml.safe_dump(host_template(template.document, host, architecture), sort_keys=False))
    return path


def host_template(document: Document, host: Host, architecture: str) -> Document:
    """A copy of the parsed template for this host and processor (`x86_64` or `arm64`). A nested template, which has
    no functions and so no Globals, is accepted too.
    """
    template: Document = _for_architecture(copy.deepcopy(document), architecture)
    if host is Host.SAM_LOCAL and "Globals" in template:
        _adapt_to_sam_local(template)
    if host is Host.STACK:
        template.get("Rules", {}).pop("ProdCallsRazorpay", None)  # Razorpay is on this machine, whatever the stage
        _remove_unsupported(template)
        _refer_to_secrets_by_arn(template)
        _unescape_binary_media_types(template)
    return template


def _for_architecture(value: Any, architecture: str) -> Any:
    if isinstance(value, dict):
        return {key: _for_architecture(member, architecture) for key, member in value.items()}
    if isinstance(value, list):
        return [_for_architecture(member, architecture) for member in value]
    return architecture if value == "arm64" else value


def _adapt_to_sam_local(template: Document) -> None:
    """Add the variable that env.local.json fills with AWS's address, and point each authorizer at its function:
    SAM CLI follows no reference to an alias.
    """
    template["Globals"]["Function"]["Environment"]["Variables"]["AWS_ENDPOINT_URL"] = ""
    for authorizer in template["Resources"]["Api"]["Properties"]["Auth"]["Authorizers"].values():
        function = authorizer["FunctionArn"]["Ref"].removesuffix(".Alias")
        authorizer["FunctionArn"] = {"Fn::GetAtt": [function, "Arn"]}


def _remove_unsupported(template: Document) -> None:
    """Remove unsupported resources, alarms on metric math, and what shows or names them."""
    resources = template["Resources"]
    removed = {
        name
        for name, resource in resources.items()
        if resource["Type"] in UNSUPPORTED or (resource["Type"] == ALARM and "Metrics" in resource["Properties"])
    }
    for name in removed:
        del resources[name]
    for resource in resources.values():
        if resource["Type"] == DASHBOARD:
            body = resource["Properties"]["DashboardBody"]["Fn::ToJsonString"]
            body["widgets"] = [widget for widget in body["widgets"] if widget["type"] != "alarm"]
        if resource["Type"] == NESTED_STACK:
            parameters = resource["Properties"]["Parameters"]
            for name, value in parameters.items():
                if isinstance(value, dict) and value.get("Fn::GetAtt", [""])[0] in removed:
                    parameters[name] = ""  # what uses it there is removed, too
    if "Globals" in template:
        deployment = template["Globals"]["Function"]["DeploymentPreference"]
        deployment["Alarms"] = [alarm for alarm in deployment["Alarms"] if alarm["Ref"] not in removed]


def _refer_to_secrets_by_arn(template: Document) -> None:
    """A secret's Ref is its ARN in AWS and its name in the stand-in. Its Id attribute is the ARN in both."""
    resources = template["Resources"]
    for resource in resources.values():
        for policy in resource.get("Properties", {}).get("Policies", []):
            for statement in policy.get("Statement", []):
                target = statement["Resource"]
                name = target.get("Ref") if isinstance(target, dict) else None
                if name and resources[name]["Type"] == "AWS::SecretsManager::Secret":
                    statement["Resource"] = {"Fn::GetAtt": [name, "Id"]}


def _unescape_binary_media_types(template: Document) -> None:
    """AWS wants `~1` for the slash of a type. The stand-in compares the type as it is written."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Api":
            properties = resource["Properties"]
            properties["BinaryMediaTypes"] = [name.replace("~1", "/") for name in properties["BinaryMediaTypes"]]
