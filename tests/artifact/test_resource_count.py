"""CloudFormation allows 500 resources per stack. SAM makes several of each function, so they are counted after it."""

import json
import os
import subprocess

import pytest

from local.template import ROOT

pytestmark = pytest.mark.artifact
RUNTIME_PYTHON = ROOT / ".venv-sam" / "bin" / "python"
RESOURCES_MAX = 480  # of 500: the rest is room to react

# Prints the number of resources per type after SAM's transformation, with every optional resource included.
COUNT = """
import json, sys
from collections import Counter
from pathlib import Path
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

template = yaml_parse(Path(sys.argv[1]).read_text())
for resource in template["Resources"].values():
    for place in ("CodeUri", "ContentUri"):
        if place in resource.get("Properties", {}):
            resource["Properties"][place] = "s3://bucket/key"
if "Globals" in template:
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
    parameters = template["Parameters"].items()
    defaults = {name: parameter["Default"] for name, parameter in parameters if "Default" in parameter}

    class Policies:
        def load(self):
            return {}

    template = transform(template, defaults | {"Canary": "true"}, Policies())
print(json.dumps(Counter(resource["Type"] for resource in template["Resources"].values())))
"""


@pytest.mark.parametrize("name", ["template.yaml", "observability.yaml"])
def test_template_stays_below_the_resource_limit(name: str) -> None:
    environment = {**os.environ, "AWS_DEFAULT_REGION": "ap-south-1"}
    process = subprocess.run(
        [RUNTIME_PYTHON, "-c", COUNT, ROOT / name], env=environment, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    counts = json.loads(process.stdout)
    assert 0 < sum(counts.values()) <= RESOURCES_MAX, counts
