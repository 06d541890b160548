"""What a deployment of the templates is like: CloudFormation's answer to parameters, and the faults of a template.

A fault is a text. The shipped templates have none; a harmful change has at least one.
"""

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local.template import Template
from tests.support.cloudwatch import ALARM, MINUTES_OF_DAY, OK, states
from tests.support.incidents import INCIDENTS, MONEY, SERVICE, START, TICKET, VERSIONS, Incident, calm_day
from tests.support.monitoring import Monitoring, parameters
from tests.support.roles import boundary_faults, role_faults

Faults = Callable[[Template, Template], Iterator[str]]
CALM = calm_day()


def is_deployable(template: Template, **parameters: str) -> bool:
    """Whether CloudFormation accepts these parameters by the template's rules."""

    def value(term: Any) -> Any:
        ((function, argument),) = term.items() if isinstance(term, dict) else (("", term),)
        match function:
            case "Ref":
                return parameters.get(argument, template.document["Parameters"][argument]["Default"])
            case "Fn::Equals":
                return value(argument[0]) == value(argument[1])
            case "Fn::Not":
                return not value(argument[0])
            case "Fn::Or":
                return any(value(part) for part in argument)
        return argument

    rules = [rule for rule in template.document["Rules"].values() if value(rule.get("RuleCondition", True))]
    return all(value(assertion["Assert"]) for rule in rules for assertion in rule["Assertions"])


# --- alarms


@functools.cache
def _false_alarms(alarm: str) -> int:
    return sum(state != OK for state in states(json.loads(alarm), CALM, range(MINUTES_OF_DAY)))


@functools.cache
def _incident_fault(alarm: str, incident: Incident) -> str:
    day = states(json.loads(alarm), incident.metrics(CALM), range(START, MINUTES_OF_DAY))
    if ALARM not in day[: incident.noticed_within_min]:
        return "is not raised in time"
    if incident.over_within_min is not None:
        ended = max(max(minutes) for _, minutes, _ in incident.changes) + incident.over_within_min
        if set(day[ended - START :]) != {OK}:
            return "does not end"
    return ""


def faults_of_alarm(name: str, alarm: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one alarm: its topic, its states on a calm day and in its incidents."""
    topic, incidents = INCIDENTS[name]
    text = json.dumps(alarm)
    if not alarm.get("AlarmActions") == alarm.get("OKActions") == [topic] or alarm.get("ActionsEnabled") is False:
        yield f"{name} does not notify {topic}"
    if _false_alarms(text):
        yield f"{name} is raised on a calm day"
    for incident in incidents:
        if fault := _incident_fault(text, incident):
            yield f"{name} {fault}"


def alarm_faults(parent: Template, nested: Template) -> Iterator[str]:
    alarms = Monitoring(parent, nested).alarms
    if set(alarms) != set(INCIDENTS):
        yield f"alarms without incidents, or incidents without alarms: {set(alarms) ^ set(INCIDENTS)}"
    for name in sorted(set(alarms) & set(INCIDENTS)):
        yield from faults_of_alarm(name, alarms[name])


# --- who is notified

SUBSCRIPTIONS = {
    *((topic, "email", "AlarmEmail", "HasEmail") for topic in (MONEY, SERVICE, TICKET)),
    *((topic, "https", "AlarmUrl", "HasAlarmUrl") for topic in (MONEY, SERVICE)),
}
RECEIVERS = {"AlarmEmail": "ops@example.in", "AlarmUrl": "https://pages.example.in"}


def notification_faults(parent: Template, nested: Template) -> Iterator[str]:
    subscriptions = {
        (row["Properties"]["TopicArn"]["Ref"], row["Properties"]["Protocol"], row["Properties"]["Endpoint"]["Ref"],
         row.get("Condition"))
        for row in parent.resources.values()
        if row["Type"] == "AWS::SNS::Subscription"
    }  # fmt: skip
    if subscriptions != SUBSCRIPTIONS:
        yield f"subscriptions: {subscriptions ^ SUBSCRIPTIONS}"
    conditions = parent.document["Conditions"]
    for condition, parameter in (("HasEmail", "AlarmEmail"), ("HasAlarmUrl", "AlarmUrl")):
        if conditions[condition] != {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}:
            yield f"the condition {condition}"
    statements = parent.resources["OperationsKey"]["Properties"]["KeyPolicy"]["Statement"]
    publishers = [row for row in statements if row["Principal"] == {"Service": "cloudwatch.amazonaws.com"}]
    actions = {action for row in publishers for action in row["Action"] if row["Effect"] == "Allow"}
    if actions != {"kms:Decrypt", "kms:GenerateDataKey"}:
        yield "CloudWatch cannot publish to encrypted topics"
    prod = parameters(parent, "prod") | RECEIVERS
    if not is_deployable(parent, **prod):
        yield "prod cannot be deployed"
    for missing in ({"AlarmEmail": ""}, {"AlarmUrl": ""}, {"AccessLog": "false"}, {"RazorpayBaseUrl": "http://a"}):
        if is_deployable(parent, **prod | missing):
            yield f"prod can be deployed with {missing}"
    if parent.resources["GatewayKey"]["Properties"]["SecretString"] != '{"key_id":"","key_secret":""}':
        yield "the deployment writes over the API key"
    if parent.resources["WebhookSecrets"]["Properties"]["SecretString"] != '{"active":[]}':
        yield "the deployment writes over the webhook secrets"
    thresholds = [
        row["Notification"]["Threshold"]
        for row in parent.resources["Budget"]["Properties"]["NotificationsWithSubscribers"]
    ]
    if thresholds != [80, 100] or float(prod["MonthlyBudgetUsd"]) <= 0:
        yield "the budget notifies nobody in time"


STATUSES = {"Unauthorized": 401, "Forbidden": 403, "TooManyRequests": 429}


def refusal_faults(parent: Template, nested: Template) -> Iterator[str]:
    """The metrics that filters make of the access log: each must see its status, under the stack's name."""
    log_format = parent.resources["Api"]["Properties"]["AccessLogSetting"]["Fn::If"][1]["Format"]["Fn::ToJsonString"]
    if (log_format.get("service"), log_format.get("status")) != ({"Ref": "AWS::StackName"}, "$context.status"):
        yield "the access log has no service or no status"
    made = {}
    for row in parent.of_type("AWS::Logs::MetricFilter").values():
        (metric,) = row["MetricTransformations"]
        dimensions = [{"Key": "service", "Value": "$.service"}]
        if row["LogGroupName"] == {"Ref": "AccessLogs"} and metric["Dimensions"] == dimensions:
            made[metric["MetricNamespace"], metric["MetricName"], metric["MetricValue"]] = row["FilterPattern"]
    expected = {("GarmentPay/Api", name, "1"): f'{{ $.status = "{status}" }}' for name, status in STATUSES.items()}
    if made != expected:
        yield "the filters of the access log"


# --- deployments

SCHEDULES = {"ReconcilePayments": "rate(1 minute)", "SweepImages": "rate(5 minutes)"}
DEPLOYMENT = {
    "Enabled": {"Ref": "Canary"},
    "Type": "Canary10Percent5Minutes",
    "Alarms": [{"Ref": name} for name in ("NewFaultsAlarm", *VERSIONS)],
    "Hooks": {"PreTraffic": {"Ref": "CheckVersion"}},
}
# What the hook may do, by the service and the end of the resource.
HOOK = {
    "logs:CreateLogStream logs:PutLogEvents": "Logs",
    "lambda:InvokeFunction": ":function:${AWS::StackName}-*:*",
    "codedeploy:GetDeployment codedeploy:PutLifecycleEventHookExecutionStatus": (
        ":deploymentgroup:${AWS::StackName}-ServerlessDeploymentApplication-*/*"
    ),
}


def deployment_faults(parent: Template, nested: Template) -> Iterator[str]:
    common = parent.document["Globals"]["Function"]
    if common["DeploymentPreference"] != DEPLOYMENT or common.get("AutoPublishAlias") != "live":
        yield "the canary"
    yield from _hook_faults(parent)
    prod = parameters(parent, "prod")
    if {prod[name] for name in ("Canary", "Waf", "AccessLog", "ReservedConcurrency")} != {"true"}:
        yield "prod leaves out a protection"
    schedules = {
        name: event["Properties"]["Schedule"]
        for name, function in parent.of_type("AWS::Serverless::Function").items()
        for event in function.get("Events", {}).values()
        if event["Type"] == "Schedule" and event["Properties"].get("Enabled", True)
    }
    if schedules != SCHEDULES:
        yield "the schedules"
    for name, mapping in parent.of_type("AWS::Lambda::EventSourceMapping").items():
        if mapping.get("Enabled", True) is not True or mapping.get("MetricsConfig") != {"Metrics": ["EventCount"]}:
            yield f"the stream {name}"
    for name, resource in parent.resources.items():
        if resource.get("DeletionPolicy") == "Retain":
            yield f"{name} stays after a failed creation"
        protected = resource["Type"] in ("AWS::DynamoDB::Table", "AWS::Cognito::UserPool")
        properties = resource.get("Properties", {})
        on = properties.get("DeletionProtectionEnabled") is True or properties.get("DeletionProtection") == "ACTIVE"
        if protected and not on:
            yield f"{name} can be deleted"


def _hook_faults(parent: Template) -> Iterator[str]:
    hook = parent.resources.get("CheckVersion", {}).get("Properties", {})
    if not str(hook.get("FunctionName", {}).get("Fn::Sub")).startswith("CodeDeployHook_"):
        yield "CodeDeploy cannot invoke the hook"
    if hook.get("Role") != {"Fn::GetAtt": ["CheckVersionRole", "Arn"]} or "Layers" in hook:
        yield "the hook has another role, or needs our layers"
    role = parent.resources.get("CheckVersionRole", {}).get("Properties", {})
    granted = {}
    for policy in role.get("Policies", []):
        for row in policy["PolicyDocument"]["Statement"]:
            granted[" ".join(row["Action"])] = (
                str(next(iter(row["Resource"].values()))) if row["Resource"] != "*" else "*"
            )
    exact = granted.keys() == HOOK.keys() and all(HOOK[actions] in granted[actions] for actions in granted)
    if not exact or "ManagedPolicyArns" in role:
        yield "the role of the hook"


# --- floods

# Requests per second of each POST route, for everybody together.
START_RATE, WEBHOOK_RATE, RATE = 20, 50, 100
WEBHOOK_PATH = "/api/payments/webhooks/razorpay"
IDEMPOTENT = ("/set_default",)  # routes that create nothing share the rate of all others


def throttle_faults(parent: Template, nested: Template) -> Iterator[str]:
    api = parent.resources["Api"]["Properties"]
    settings = {(row["HttpMethod"], row["ResourcePath"].replace("~1", "/")[1:]): row for row in api["MethodSettings"]}
    expected: dict[tuple[str, str], int] = {("*", "*"): RATE}
    for route in parent.routes:
        if route.method == "POST" and not route.path.endswith(IDEMPOTENT):
            expected["POST", route.path] = WEBHOOK_RATE if route.path == WEBHOOK_PATH else START_RATE
    actual = {key: row["ThrottlingRateLimit"] for key, row in settings.items()}
    if actual != expected:
        yield f"throttles: {actual.items() ^ expected.items()}"
    if any(row["ThrottlingBurstLimit"] != 2 * row["ThrottlingRateLimit"] for row in settings.values()):
        yield "bursts"
    if {row["Identity"]["ReauthorizeEvery"] for row in api["Auth"]["Authorizers"].values()} != {300}:
        yield "how long a token's policy is reused"


def _path_is_webhook(statement: Any) -> bool:
    match = statement.get("ByteMatchStatement", {})
    return bool(
        match.get("FieldToMatch") == {"UriPath": {}}
        and match.get("SearchString") == WEBHOOK_PATH
        and match.get("PositionalConstraint") == "CONTAINS"
    )


# Of each rule: the keys that share its limit, the requests per minute, and the rate that one key must stay below.
LIMITS: Mapping[str, tuple[str, int, int]] = {
    "webhooks-per-address": ("IP", 300, WEBHOOK_RATE),
    "starts-per-address": ("IP", 300, START_RATE),
    "requests-per-caller": ("CUSTOM_KEYS", 600, START_RATE),
    "requests-per-address": ("IP", 3_000, RATE),
}


def waf_faults(parent: Template, nested: Template) -> Iterator[str]:
    """No key may use up a throttle that it shares with everybody, and nothing may catch Razorpay."""
    resources = parent.resources
    acl = resources["WebAcl"]["Properties"]
    rules = sorted(acl["Rules"], key=lambda rule: int(rule["Priority"]))
    if acl["VisibilityConfig"]["MetricName"] != {"Ref": "AWS::StackName"}:
        yield "the metric of the web ACL"
    for rule in rules:
        if (
            rule["VisibilityConfig"]["MetricName"] != rule["Name"]
            or not rule["VisibilityConfig"]["CloudWatchMetricsEnabled"]
        ):
            yield f"the metric of {rule['Name']}"
    first = rules[0]
    statements = first["Statement"].get("AndStatement", {}).get("Statements", [])
    of_razorpay = [row for row in statements if "IPSetReferenceStatement" in row]
    if first["Action"] != {"Allow": {}} or len(statements) != 2 or len(of_razorpay) != 1:
        yield "Razorpay's deliveries are not let through first"
    elif not any(_path_is_webhook(row) for row in statements):
        yield "Razorpay's addresses are let through everywhere"
    if resources["RazorpayIpSet"]["Properties"]["Addresses"] != {"Ref": "RazorpayAddresses"}:
        yield "Razorpay's addresses"
    by_name = {rule["Name"]: rule for rule in rules[1:]}
    if set(by_name) != {*LIMITS, "known-bad-inputs"}:
        yield "the rules of the web ACL"
    for name, (key, per_minute, shared_per_s) in LIMITS.items():
        rate = by_name.get(name, {}).get("Statement", {}).get("RateBasedStatement", {})
        limit = (rate.get("AggregateKeyType"), rate.get("Limit"), rate.get("EvaluationWindowSec"))
        if (
            limit != (key, per_minute, 60)
            or by_name[name]["Action"] != {"Block": {}}
            or per_minute > shared_per_s * 30
        ):
            yield f"the limit {name}"
    scopes = {
        name: by_name[name]["Statement"]["RateBasedStatement"].get("ScopeDownStatement")
        for name in LIMITS
        if name in by_name
    }
    if not _path_is_webhook(scopes.get("webhooks-per-address") or {}):
        yield "webhooks are not limited apart"
    method = (scopes.get("starts-per-address") or {}).get("ByteMatchStatement", {})
    if (method.get("FieldToMatch"), method.get("SearchString")) != ({"Method": {}}, "POST"):
        yield "starts are not limited apart"
    if resources.get("WebAclOfApi", {}).get("Properties", {}).get("WebACLArn") != {"Fn::GetAtt": ["WebAcl", "Arn"]}:
        yield "the web ACL protects nothing"
    logging = resources.get("WafLogging", {}).get("Properties", {})
    if logging.get("RedactedFields") != [{"SingleHeader": {"Name": "authorization"}}]:
        yield "the web ACL's log is missing, or has tokens in it"


CHECKS: Mapping[str, Faults] = {
    "alarms": alarm_faults,
    "notifications": notification_faults,
    "refusals": refusal_faults,
    "deployments": deployment_faults,
    "throttles": throttle_faults,
    "web ACL": waf_faults,
    "roles": lambda parent, nested: role_faults(parent),
    "boundary": lambda parent, nested: boundary_faults(parent),
}


def faults(parent: Template, nested: Template) -> list[str]:
    return [fault for check in CHECKS.values() for fault in check(parent, nested)]
