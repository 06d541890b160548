"""The templates for hosts other than AWS differ from template.yaml only where the host needs it."""

import copy
import json
from pathlib import Path

import pytest

from local.template import ROOT, Template
from tools.host_template import UNSUPPORTED, Host, host_template, write_host_template

DOCUMENT = Template().document


@pytest.mark.parametrize("host", Host)
def test_host_template_is_built_for_the_given_processor(host: Host) -> None:
    before = copy.deepcopy(DOCUMENT)
    text = json.dumps(host_template(DOCUMENT, host, "x86_64"), default=str)
    assert "arm64" not in text and "x86_64" in text
    assert before == DOCUMENT


def test_sam_local_gets_an_endpoint_and_no_alias() -> None:
    template = host_template(DOCUMENT, Host.SAM_LOCAL, "arm64")
    assert template["Globals"]["Function"]["Environment"]["Variables"].pop("AWS_ENDPOINT_URL") == ""
    authorizers = template["Resources"]["Api"]["Properties"]["Auth"]["Authorizers"]
    for name, function in Template().authorizers.items():
        assert authorizers[name]["FunctionArn"] == {"Fn::GetAtt": [function, "Arn"]}
        authorizers[name]["FunctionArn"] = {"Ref": f"{function}.Alias"}
    assert template == DOCUMENT


def test_stack_template_has_every_function_and_no_unsupported_resource() -> None:
    template = host_template(DOCUMENT, Host.STACK, "arm64")
    left = {name: resource["Type"] for name, resource in template["Resources"].items()}
    assert not UNSUPPORTED & set(left.values())
    assert {name for name, kind in left.items() if kind == "AWS::Serverless::Function"} == set(Template().functions)
    assert all(alarm["Ref"] in left for alarm in template["Globals"]["Function"]["DeploymentPreference"]["Alarms"])


def test_stack_template_lacks_the_rule_about_razorpay_alone() -> None:
    rules = host_template(DOCUMENT, Host.STACK, "arm64")["Rules"]
    assert (
        DOCUMENT["Rules"].keys() - rules.keys() == {"ProdCallsRazorpay"}
        and rules.items() <= DOCUMENT["Rules"].items()
    )


def test_stack_template_names_binary_media_types_with_a_slash() -> None:
    for host, name in ((Host.STACK, "multipart/form-data"), (Host.SAM_LOCAL, "multipart~1form-data")):
        api = host_template(DOCUMENT, host, "arm64")["Resources"]["Api"]["Properties"]
        assert api["BinaryMediaTypes"] == [name]


def test_stack_template_refers_to_no_removed_alarm() -> None:
    """The parent passes the ARNs of its alarms to its nested stack, also of one on metric math, which is removed."""
    resources = host_template(DOCUMENT, Host.STACK, "arm64")["Resources"]
    arns = resources["Observability"]["Properties"]["Parameters"]
    assert {value["Fn::GetAtt"][0] for value in arns.values() if "Fn::GetAtt" in value} <= set(resources)
    assert arns["ServerErrorsAlarmArn"] == "" and arns["LedgerDriftAlarmArn"] != ""


def test_written_template_reads_back_as_the_same_document(tmp_path: Path) -> None:
    path = write_host_template(ROOT / "template.yaml", tmp_path / "host", Host.STACK, "x86_64")
    assert Template(path).document == host_template(DOCUMENT, Host.STACK, "x86_64")
