"""The documents are true: every link, path, target, table and command in them matches the project."""

import ast
import fnmatch
import functools
import json
import re
import subprocess
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from local.rzp.__main__ import parser as rzp_commands
from local.template import ROOT, Template
from shared import errors
from shared.desk.reviews import ACTIONS, ASSIGN, DISMISS
from shared.images.lifecycle import TRANSITIONS as PHOTO_TRANSITIONS
from shared.images.rejections import IMAGE_FAULTS, UPLOAD_FAULTS
from shared.payments import review
from shared.payments.lifecycle import TRANSITIONS
from shared.payments.review import REASONS
from shared.refunds.lifecycle import TRANSITIONS as REFUND_TRANSITIONS
from tests.simulation.faults import FAULTS
from tests.support.documents import (
    DOCUMENTS,
    SAM_OPTIONS,
    Block,
    all_blocks,
    anchors,
    first_codes,
    links,
    name_of,
    prose,
    rows,
    section,
    spans,
    without_blocks,
)
from tests.support.lambda_events import LambdaContext, request_event
from tests.support.monitoring import ALARMS
from tools.clients import postman
from tools.cost.prices import ALARM_METRICS, monthly
from tools.host_template import Host
from tools.openapi import generated

TEMPLATE = Template()
OBSERVABILITY = Template(ROOT / "observability.yaml")
README, DOCS = ROOT / "README.md", ROOT / "docs"
README_LINES_MAX = 120
MAKE_TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
SUFFIXES = (".py", ".yaml", ".json", ".md", ".toml", ".in", ".txt")
# The files that the example in CONTRIBUTING would add.
EXAMPLE_FILES = {"functions/payments/cancel.py", "tests/events/CancelPayment.json"}
EXAMPLE_RULE = "shared.payments.cancel"
NOT_FILES = {"jwks.json", "staff_jwks.json"}  # names of local actions
# Words that only their author understands. The glossary has the field's words.
PRIVATE_WORDS = (
    "told|tells|tally|tallied|misfit|tickets?|bundles?|settles?|settled|doors?|rooms?|stages?|anew|shown|away|"
    "beside|else|for ever|of which|by then|put off"
)
MACHINE_PATHS = ("/home", "/root", "/tmp", "/Users")
AWS_GLOBAL_OPTIONS = {"query", "output", "region", "profile"}


def every_document(test: Any) -> Any:
    return pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)(test)


# --- the text


def test_readme_stays_short() -> None:
    assert len(README.read_text().splitlines()) <= README_LINES_MAX


def test_readme_links_every_document() -> None:
    others = {name_of(document) for document in DOCUMENTS} - {"README.md"}
    assert others <= {link.partition("#")[0] for link in links(README)}


@every_document
def test_document_has_one_title_and_fitting_lines(document: Path) -> None:
    lines = document.read_text().splitlines()
    assert [line for line in without_blocks(document).splitlines() if line.startswith("# ")] == lines[:1]
    assert [line for line in lines if len(line) > 118 and not line.startswith("|")] == []


@every_document
def test_document_uses_the_glossary_words(document: Path) -> None:
    assert re.findall(rf"\b(?:{PRIVATE_WORDS})\b", prose(document), re.IGNORECASE) == []


@every_document
def test_document_names_no_machine_path(document: Path) -> None:
    assert [
        path for path in MACHINE_PATHS if re.search(rf"(?<![\w.]){re.escape(path)}\b", document.read_text())
    ] == []


@every_document
def test_links_and_anchors_resolve(document: Path) -> None:
    for link in links(document):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def is_project_path(span: str) -> bool:
    """Whether a code span looks like a file or folder of the project."""
    if not re.fullmatch(r"[\w.\-]+(/[\w.\-]+)*/?", span):
        return False
    return (ROOT / span.split("/")[0]).exists() and "/" in span or span.endswith(SUFFIXES) or span.startswith(".")


def exists(span: str) -> bool:
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]
    if any(fnmatch.fnmatch(span.split("/")[0], pattern) for pattern in ignored):
        return True  # made by a command
    anywhere = "/" not in span and any(any((ROOT / folder).rglob(span)) for folder in ("shared", "tests"))
    return (ROOT / span).exists() or anywhere or span in NOT_FILES


@every_document
def test_paths_exist(document: Path) -> None:
    paths = {span for span in spans(document) if is_project_path(span)}
    assert {path for path in paths - EXAMPLE_FILES if not exists(path)} == set()


def test_example_files_do_not_exist() -> None:
    assert not any((ROOT / path).exists() for path in EXAMPLE_FILES)


@every_document
def test_make_targets_exist(document: Path) -> None:
    code = [*spans(document), *(block.text for block in all_blocks("bash") if block.document == name_of(document))]
    named = {target for text in code for target in re.findall(r"\bmake ([a-z]+)", text)}
    assert named <= MAKE_TARGETS


def test_every_make_target_is_documented() -> None:
    texts = "\n".join(document.read_text() for document in DOCUMENTS)
    assert set(re.findall(r"\bmake ([a-z]+)", texts)) >= MAKE_TARGETS


# --- the blocks


def test_blocks_name_their_language() -> None:
    names = {name_of(document): document.read_text() for document in DOCUMENTS}
    languages = {language for text in names.values() for language in re.findall(r"^ *```(\S+)$", text, re.MULTILINE)}
    # `make clients` checks the code of the guides.
    assert languages <= {"bash", "text", "json", "python", "mermaid", "typescript", "kotlin", "dart"}
    opened = sum(len(re.findall(r"^ *```\S+$", text, re.MULTILINE)) for text in names.values())
    assert opened == sum(len(re.findall(r"^ *```$", text, re.MULTILINE)) for text in names.values())


@pytest.mark.parametrize("block", all_blocks("bash"), ids=lambda block: block.name)
def test_bash_block_parses(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_json_blocks_parse() -> None:
    for block in all_blocks("json"):
        json.loads(block.text)


def test_example_function_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a module in the place of the rule that the example would add."""

    def refuse(customer: str, payment_id: str) -> None:
        raise errors.Conflict

    rule = types.ModuleType(EXAMPLE_RULE)
    vars(rule)["cancel"] = refuse
    monkeypatch.setitem(sys.modules, EXAMPLE_RULE, rule)
    (block,) = all_blocks("python")
    names: dict[str, Any] = {}
    exec(compile(block.text, block.name, "exec"), names)
    event = request_event(path="/api/payments/payments/5e7a9f51-7a0e-5b43-8f0e-2a4c5d6e7f81/cancel/")
    assert names["handler"](event, LambdaContext())["statusCode"] == 409


def test_named_tests_exist() -> None:
    named = {span for document in DOCUMENTS for span in spans(document) if re.fullmatch(r"test_\w+", span)}
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert named and {name for name in named if f"def {name}(" not in sources} == set()


CHECKED = [block for block in all_blocks("bash") if block.is_checked_only]


@pytest.mark.parametrize("block", CHECKED, ids=lambda block: block.name)
def test_command_exists_with_its_options(block: Block) -> None:
    """For commands that need AWS, containers or minutes. The others are run by the integration tests."""
    for program, *arguments in block.commands:
        match program:
            case "make":
                assert arguments[0] in MAKE_TARGETS
                assert all(
                    re.fullmatch(r"(N|SEED|MUTANT|UPGRADE|PYTHON)=\S+", argument) for argument in arguments[1:]
                )
            case "aws":
                check_aws_command(*arguments)
            case ".venv-sam/bin/sam":
                check_sam_command(arguments)
            case ".venv/bin/python" if arguments[:2] == ["-m", "tools.smoke"]:
                assert len(arguments) == 4
            case ".venv/bin/python" if arguments[:2] == ["-m", "local.rzp"]:
                assert rzp_commands().parse_args(arguments[2:])
            case ".venv/bin/python" if arguments[1].startswith("tools."):
                assert (ROOT / f"{arguments[1].replace('.', '/')}.py").exists()
            case ".venv/bin/python":
                assert arguments[:2] == ["-m", "pytest"]
                assert all((ROOT / path).exists() for path in arguments[2:] if not path.startswith("-"))
            case ".venv-sam/bin/python":
                assert arguments[:3] == ["-m", "tools.build", "--host"] and Host(arguments[3])
            case _:
                assert program == "export"


def check_sam_command(arguments: list[str]) -> None:
    command = next(name for name in SAM_OPTIONS if arguments[: len(name.split())] == name.split())
    rest = arguments[len(command.split()) :]
    assert {argument for argument in rest if argument.startswith("-")} <= SAM_OPTIONS[command]
    for option, value in zip(rest, rest[1:], strict=False):
        if option == "--config-env":
            assert f"[{value}.deploy.parameters]" in (ROOT / "samconfig.toml").read_text()
        if option == "-e":
            assert (ROOT / value).exists()
    if command == "local invoke":
        assert rest[0] in TEMPLATE.functions


@functools.cache
def service_model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def check_aws_command(service: str, operation: str, *arguments: str) -> None:
    """Check operation, parameter names, required parameters and JSON values against botocore's service model."""
    model = service_model("s3" if service == "s3api" else service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(operations[operation]).input_shape
    members = {xform_name(name, "-"): member for name, member in shape.members.items()}
    given = {word.removeprefix("--") for word in arguments if word.startswith("--")}
    flags = {name for name, member in members.items() if member.type_name == "boolean"}
    given = {name.removeprefix("no-") if name.removeprefix("no-") in flags else name for name in given}
    assert given - AWS_GLOBAL_OPTIONS <= set(members)
    assert {xform_name(name, "-") for name in shape.required_members} <= given
    for option, value in zip(arguments, arguments[1:], strict=False):
        member = members.get(option.removeprefix("--"))
        is_text = member is not None and member.type_name in ("structure", "map", "list")
        if is_text and not value.startswith("file://"):
            json.loads(value)
        if option == "--secret-string":
            assert isinstance(json.loads(value), dict)


@pytest.mark.parametrize(
    "command",
    [
        ("dynamodb", "remove-item", "--table-name", "x"),
        ("dynamodb", "update-item", "--table-name", "x"),
        ("dynamodb", "update-item", "--table", "x", "--key", "{}"),
        ("dynamodb", "update-item", "--table-name", "x", "--key", "{"),
    ],
)
def test_aws_check_notices_a_wrong_command(command: tuple[str, ...]) -> None:
    with pytest.raises((AssertionError, KeyError, ValueError)):
        check_aws_command(*command)


# --- the tables


def test_readme_map_names_every_top_folder() -> None:
    made = {line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines()}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")} - made
    text = section(README, "Where things are")
    assert {f"{folder}/" for folder in folders} <= {
        span for cells in rows(text) for span in re.findall("`(.+?)`", cells[0])
    }


def test_readme_lists_every_route() -> None:
    text = section(README, "The API at a glance")
    documented: set[tuple[str, str]] = set()
    prefix = ""
    for line in text.splitlines():
        if match := re.search(r"under `(.+?)`", line):
            prefix = match[1]
        elif line.startswith("| `/saved-methods/…`"):
            methods = {path for path in documented if "/payment-methods" in path[1]}
            documented |= {(method, path.replace("payment-methods", "saved-methods")) for method, path in methods}
        elif line.startswith("| ") and prefix:
            cell = line.split("|")[1]
            for names, paths in re.findall(r"((?:[A-Z]+, )*[A-Z]+) (`.+?`(?:, `.+?`)*)", cell):
                found = [
                    (name, f"{prefix}{path}") for name in names.split(", ") for path in re.findall("`(.+?)`", paths)
                ]
                documented |= set(found)
    assert documented == {(route.method, f"{route.path}/") for route in TEMPLATE.routes}


def default_text(parameter: dict[str, Any]) -> str:
    default = str(parameter["Default"])
    return f"`{default}`" if default else "empty"


def test_postman_collection_is_current() -> None:
    """After a change of the API, `make openapi` writes it anew."""
    assert postman.PATH.read_text() == postman.text()


@pytest.mark.parametrize(
    ("document", "transitions"),
    [("payments.md", TRANSITIONS), ("payments.md", REFUND_TRANSITIONS), ("photos.md", PHOTO_TRANSITIONS)],
)
def test_diagrams_draw_every_transition(document: str, transitions: Mapping[str, tuple[str, ...]]) -> None:
    drawn = set(re.findall(r"^    (\S+) --> (\S+)$", (DOCS / document).read_text(), re.MULTILINE))
    assert {(before or "[*]", status) for before, after in transitions.items() for status in after} <= drawn


def test_settings_list_every_parameter_with_its_default() -> None:
    table = {cells[0].strip("`"): cells[1] for cells in rows(section(DOCS / "settings.md", "Template parameters"))}
    parameters = TEMPLATE.document["Parameters"]
    assert table == {name: default_text(parameter) for name, parameter in parameters.items()}


def test_settings_list_every_variable_of_all_functions() -> None:
    table = {cells[0].strip("`"): cells for cells in rows(section(DOCS / "settings.md", "All functions"))}
    variables = TEMPLATE.document["Globals"]["Function"]["Environment"]["Variables"]
    assert set(table) == set(variables)
    for name, value in variables.items():
        source = value.get("Ref") or re.sub(
            r".*-(\w+)-.*", lambda match: f"{match[1].title()}Bucket", value["Fn::Sub"]
        )
        assert table[name][1].strip("`") == source or source.startswith("AWS::")


def test_settings_list_every_variable_of_single_functions() -> None:
    table = {
        (cells[0].strip("`"), cells[1].strip("`"))
        for cells in rows(section(DOCS / "settings.md", "Single functions"))
    }
    functions = TEMPLATE.of_type("AWS::Serverless::Function")
    assert table == {
        (variable, name)
        for name, function in functions.items()
        for variable in function.get("Environment", {}).get("Variables", {})
    }


@pytest.mark.parametrize("heading", ["All functions", "Single functions"])
def test_settings_name_a_module_that_reads_the_variable(heading: str) -> None:
    """`shared/settings.py` reads a variable by the lower-case name of its field."""
    for cells in rows(section(DOCS / "settings.md", heading)):
        variable, reader = cells[0].strip("`"), cells[3].strip("`")
        if reader.endswith(".py"):
            text = (ROOT / reader).read_text()
            assert f'"{variable}"' in text or f"    {variable.lower()}: " in text, variable


def test_settings_list_the_variables_of_make_run() -> None:
    text = "\n".join(path.read_text() for path in (ROOT / "local").glob("*.py"))
    read = set(re.findall(r'environ(?:\.get\(|\[)"([A-Z_]+)"', text))
    assert set(first_codes(section(DOCS / "settings.md", "The local stack"))) == read


# Where a stand-in dispatches its controls: `"pay": Control(`, `"clock": Action(`, `if action == "faults"`.
CONTROL = re.compile(r'^ {4}"([\w.]+)": (?:Control|Action)\(|action == "(\w+)"', re.MULTILINE)


@pytest.mark.parametrize(
    "heading, module",
    [("Control the Razorpay stand-in", "local/razorpay/control.py"), ("Control the service", "local/actions.py")],
)
def test_local_development_lists_every_control(heading: str, module: str) -> None:
    actions = {name for match in CONTROL.findall((ROOT / module).read_text()) for name in match if name}
    table = section(DOCS / "local-development.md", heading).partition("With cards,")[0]
    assert set(first_codes(table)) == actions


def test_settings_name_constants_where_they_are() -> None:
    for cells in rows(section(DOCS / "settings.md", "Fixed in the code")):
        name, path = re.findall("`(.+?)`", cells[0])
        assert re.search(rf"^ *{name}\b", (ROOT / path).read_text(), re.MULTILINE), name


def test_testing_counts_the_faults_and_cases() -> None:
    text = (DOCS / "testing.md").read_text()
    counts = re.search(r"^COUNTS = (\{.+\})$", (ROOT / "tests/simulation/cases.py").read_text(), re.MULTILINE)
    assert counts and f"catalogue of {sum(ast.literal_eval(counts[1]).values())} adversarial cases" in text
    assert f"has {len(FAULTS)} kinds" in text


def test_payments_list_every_transition() -> None:
    cells = rows(section(DOCS / "payments.md", "Transitions"))
    table = {cell[0].strip("`"): tuple(re.findall("`(.+?)`", cell[1])) for cell in cells}
    assert table == dict(TRANSITIONS)


def test_payments_list_every_reason_for_review() -> None:
    cells = rows(section(DOCS / "payments.md", "Payments in review"))
    documented = [(cell[0].strip("`"), cell[1].casefold()) for cell in cells]
    assert documented == [(reason, text.rstrip(".").casefold()) for reason, text in REASONS.items()]


def test_payments_list_the_actions_of_every_reason() -> None:
    cells = rows(section(DOCS / "payments.md", "Payments in review"))
    documented = {cell[0].strip("`"): (*re.findall("`(.+?)`", cell[2]), ASSIGN, DISMISS) for cell in cells}
    assert documented == dict(ACTIONS)


def test_every_reason_for_review_has_a_use() -> None:
    """Each reason is a constant of `payments.review`, where some module finds it and the desk has its actions."""
    sources = {path: path.read_text() for path in (ROOT / "shared").rglob("*.py")}
    uses = [text for path, text in sources.items() if path.name not in ("review.py", "reviews.py")]
    constants = {value: name for name, value in vars(review).items() if name.isupper() and value in [*REASONS]}
    assert not [reason for reason in REASONS if not any(constants[reason] in text for text in uses)]
    spelled = {path.name for path, text in sources.items() for reason in REASONS if f'"{reason}"' in text}
    assert spelled <= {"review.py", "examples.py"}


def test_photos_list_every_rejection_code() -> None:
    codes = first_codes(section(DOCS / "photos.md", "Rejection codes"))
    assert set(codes) == {*IMAGE_FAULTS, *UPLOAD_FAULTS}


@pytest.mark.parametrize("path", generated.paths(), ids=name_of)
def test_generated_parts_are_current(path: Path) -> None:
    """After a change of a table, `make openapi` writes them anew."""
    text = path.read_text()
    assert generated.with_parts(name_of(path), text) == text


def test_operations_has_a_section_for_every_alarm() -> None:
    alarms = {*TEMPLATE.of_type("AWS::CloudWatch::Alarm"), *OBSERVABILITY.of_type("AWS::CloudWatch::Alarm")}
    text = without_blocks(DOCS / "operations.md")
    headings = re.findall(r"^## (\w+Alarm)$", text, re.MULTILINE)
    assert sorted(headings) == sorted(alarms)
    for heading in headings:
        paragraphs = section(DOCS / "operations.md", heading).split("\n\n")
        assert any(text.startswith("*Seen*: ") for text in paragraphs), heading
        assert any(text.startswith("*Do*: ") for text in paragraphs), heading


@pytest.mark.parametrize("topic", ["MoneyPages", "ServicePages"])
def test_operations_names_the_alarms_that_page(topic: str) -> None:
    paging = {name for name, alarm in ALARMS.items() if alarm["AlarmActions"] == [topic]}
    (row,) = [row for row in rows(without_blocks(DOCS / "operations.md")) if row[0].startswith(f"`{topic}`")]
    assert set(re.findall(r"`(\w+Alarm)`", row[1])) == paging


def test_operations_lists_every_query_and_dashboard() -> None:
    queries = OBSERVABILITY.of_type("AWS::Logs::QueryDefinition").values()
    names = {query["Name"]["Fn::Sub"].partition("/")[2] for query in queries}
    assert set(first_codes(section(DOCS / "operations.md", "Queries"))) == names
    outputs = {name for name in TEMPLATE.document["Outputs"] if name.endswith("DashboardUrl")}
    assert set(first_codes(section(DOCS / "operations.md", "Dashboards"))) == outputs


def test_deploying_prices_the_alarms_and_rules_that_there_are() -> None:
    (rules,) = [acl["Rules"] for acl in TEMPLATE.of_type("AWS::WAFv2::WebACL").values()]
    priced = dict(rows(section(DOCS / "deploying.md", "2. What it costs")))
    count, dollars = monthly(TEMPLATE, OBSERVABILITY)[ALARM_METRICS]
    assert priced[f"about 50 alarms, on {count} metrics"] == f"{dollars:.2f}" and 40 < len(ALARMS) < 60
    words = {6: "six", 7: "seven", 8: "eight"}
    assert priced[f"the web ACL with {words[len(rules)]} rules, `prod` alone"] == f"{5 + len(rules):.2f}"


def test_decisions_are_dated_in_order() -> None:
    dates = re.findall(r"^## (.+)$", (DOCS / "decisions.md").read_text(), re.MULTILINE)
    assert dates == sorted(dates) and all(re.fullmatch(r"20\d\d-\d\d-\d\d", date) for date in dates)


def test_glossary_is_sorted() -> None:
    words = [
        re.sub(r"[*`]", "", cells[0]).split(",")[0].lower() for cells in rows((DOCS / "glossary.md").read_text())
    ]
    assert words == sorted(words)
