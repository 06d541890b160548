"""Harmful changes of the templates, each noticed by a check: of alarms, roles, canary, throttles and web ACL."""

import copy
from enum import Enum
from typing import Any

import pytest

from tests.support.deployment import CHECKS, faults
from tests.support.monitoring import OBSERVABILITY, TEMPLATE


class Gone(Enum):
    """The value is removed. An enum, so that every run of the tests has the same names."""

    GONE = "gone"


GONE = Gone.GONE


def of_resource(name: str, *path: Any) -> tuple[Any, ...]:
    return ("Resources", name, "Properties", *path)


STATEMENTS = ("Policies", 0, "Statement")
UPDATE = ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"]
PUT = ["dynamodb:Query", "dynamodb:PutItem"]
HOOK_STATEMENT = ("CheckVersionRole", "Policies", 0, "PolicyDocument", "Statement")
CANARY = ("Globals", "Function", "DeploymentPreference")
BUDGET = of_resource("Budget", "NotificationsWithSubscribers", 0, "Notification")
TOKENS = of_resource("Api", "Auth", "Authorizers", "Tokens")
RULES, RATE = of_resource("WebAcl", "Rules"), ("Statement", "RateBasedStatement")
EVERY_MINUTE = of_resource("ReconcilePayments", "Events", "EveryMinute", "Properties")
ALARM_CHANGES = [
    ("ReconcilerSilentAlarm", ("Metrics", 0, "Expression"), "runs"),
    ("NoCallsAlarm", ("Threshold",), 0),
    ("NoCallsAlarm", ("Metrics", 0, "Expression"), "calls"),
    ("LedgerDriftAlarm", ("Threshold",), 1_000),
    ("LedgerDriftAlarm", ("Threshold",), 1),
    ("LedgerDriftAlarm", ("TreatMissingData",), "breaching"),
    ("LedgerDriftAlarm", ("TreatMissingData",), GONE),
    ("LedgerDriftAlarm", ("EvaluationPeriods",), 1_440),
    ("LedgerDriftAlarm", ("DatapointsToAlarm",), GONE),
    ("TopUpNotCreditedAlarm", ("Statistic",), "SampleCount"),
    ("EntryNotJustifiedAlarm", ("AlarmActions",), [{"Ref": "TicketsTopicArn"}]),
    ("LedgerEntryChangedAlarm", ("ActionsEnabled",), False),
    ("LedgerEntryChangedAlarm", ("AlarmActions",), GONE),
    ("LedgerEntryChangedAlarm", ("Dimensions", 0, "Name"), "stage"),
    ("LedgerEntryChangedAlarm", ("Namespace",), "AWS/Lambda"),
    ("TopUpNotCreditedAlarm", ("ComparisonOperator",), "LessThanThreshold"),
    ("AuditBehindAlarm", ("Metrics", 1, "MetricStat", "Period"), 82_800),
    ("AuditBehindAlarm", ("EvaluationPeriods",), 12),
    ("AuditBehindAlarm", ("Metrics", 0, "Expression"), "IF(FILL(wallets, 0) > 600000, 1, 0)"),
    ("AuditSilentAlarm", ("Metrics", 2, "MetricStat", "Metric", "Dimensions", 0, "Value"), {"Ref": "AuditWallets"}),
    ("WebhookSilenceAlarm", ("Threshold",), 999_999),
    ("WebhookSilenceAlarm", ("EvaluationPeriods",), 1),
    ("ServerErrorsAlarm", ("Metrics", 0, "Expression"), "IF(errors >= 5 AND errors / calls > 1.01, 1, 0)"),
    ("ServerErrorsAlarm", ("Metrics", 0, "Expression"), "IF(errors >= 6 AND errors / calls > 0.01, 1, 0)"),
    ("UnauthorizedAlarm", ("Metrics", 1, "MetricStat", "Metric", "Namespace"), "GarmentPay"),
    ("SweepImagesErrorsAlarm", ("Dimensions", 0, "Value"), {"Ref": "CompressImage"}),
    ("SweepImagesErrorsAlarm", ("MetricName",), "Throttles"),
    ("PaymentsInReviewAlarm", ("Threshold",), 5),
    ("OwedAlarm", ("Threshold",), 500_001),
    ("WebhookRefusedAlarm", ("Threshold",), 4),
    ("TablesThrottledAlarm", ("Metrics", 0, "Expression"), "entries + entries_read"),
    (
        "StaffTablesThrottledAlarm",
        ("Metrics", 1, "MetricStat", "Metric", "Dimensions", 0, "Value"),
        {"Ref": "ImagesTable"},
    ),
    ("FailedUploadsAlarm", ("Statistic",), "SampleCount"),
    ("NewFaultsAlarm", ("EvaluationPeriods",), 60),
    ("RefundsVersionAlarm", ("Metrics", 1, "MetricStat", "Metric", "Dimensions", 2), GONE),
]
PARENT_CHANGES = [
    ("canary on another alarm", (*CANARY, "Alarms"), [{"Ref": "ServerErrorsAlarm"}]),
    ("canary off", (*CANARY, "Enabled"), False),
    ("canary at once", (*CANARY, "Type"), "AllAtOnce"),
    ("canary without its hook", (*CANARY, "Hooks"), GONE),
    ("hook that CodeDeploy may not invoke", of_resource("CheckVersion", "FunctionName"), GONE),
    ("hook may invoke everything", of_resource(*HOOK_STATEMENT, 1, "Resource"), "*"),
    ("hook may change functions", of_resource(*HOOK_STATEMENT, 1, "Action"), ["lambda:*"]),
    ("no boundary", ("Globals", "Function", "PermissionsBoundary"), GONE),
    ("boundary on all logs", of_resource("Boundary", "PolicyDocument", "Statement", 0, "Resource"), "*"),
    ("boundary lets entries change", of_resource("Boundary", "PolicyDocument", "Statement", 3), GONE),
    ("CloudWatch without the key", of_resource("OperationsKey", "KeyPolicy", "Statement", 1), GONE),
    ("no mail for money", ("Resources", "MoneyPagesByMail"), GONE),
    ("no endpoint for service", ("Resources", "ServicePagesByUrl"), GONE),
    ("mail of one topic twice", of_resource("MoneyPagesByMail", "TopicArn"), {"Ref": "Tickets"}),
    ("prod calls another gateway", ("Rules", "ProdCallsRazorpay"), GONE),
    ("placeholder over the API key", of_resource("GatewayKey", "SecretString"), '{"key_id":"","key_secret":"x"}'),
    ("prod without receivers", ("Rules", "ProdNotifiesSomebody"), GONE),
    ("rule for staging", ("Rules", "ProdNotifiesSomebody", "RuleCondition", "Fn::Equals", 1), "staging"),
    ("budget at 100000 %", (*BUDGET, "Threshold"), 100_000),
    ("throttle x100", of_resource("Api", "MethodSettings", 0, "ThrottlingRateLimit"), 10_000),
    ("webhook throttle", of_resource("Api", "MethodSettings", 1, "ThrottlingRateLimit"), 5),
    ("no throttle of starts", of_resource("Api", "MethodSettings", 2), GONE),
    ("policies reused for an hour", (*TOKENS, "Identity", "ReauthorizeEvery"), 3_600),
    ("web ACL without association", ("Resources", "WebAclOfApi"), GONE),
    ("web ACL without log", ("Resources", "WafLogging"), GONE),
    ("tokens in the web ACL's log", of_resource("WafLogging", "RedactedFields"), GONE),
    ("Razorpay limited", (*RULES, 0), GONE),
    ("Razorpay counted only", (*RULES, 0, "Action"), {"Count": {}}),
    ("address limit x10", (*RULES, 2, *RATE, "Limit"), 3_000),
    ("address limit counts only", (*RULES, 4, "Action"), {"Count": {}}),
    ("webhook limit for all paths", (*RULES, 1, *RATE, "ScopeDownStatement"), GONE),
    ("filter of another status", of_resource("UnauthorizedRequests", "FilterPattern"), '{ $.status = "400" }'),
    ("filter without its dimension", of_resource("ThrottledRequests", "MetricTransformations", 0, "Dimensions"), []),
    ("reconciler hourly", (*EVERY_MINUTE, "Schedule"), "rate(1 hour)"),
    ("auditor's stream off", of_resource("WalletEntriesStream", "Enabled"), False),
    ("stream uncounted", of_resource("PaymentsStream", "MetricsConfig"), GONE),
    ("user pool can be deleted", of_resource("Customers", "DeletionProtection"), "INACTIVE"),
    ("table can be deleted", of_resource("WalletEntriesTable", "DeletionProtectionEnabled"), False),
    ("kept after a failed creation", ("Resources", "ImagesBucket", "DeletionPolicy"), "Retain"),
    ("list may update", of_resource("ListPayments", *STATEMENTS, 0, "Action"), UPDATE),
    ("webhook may delete refunds", of_resource("ReceiveWebhook", *STATEMENTS, 4, "Action"), ["dynamodb:DeleteItem"]),
    ("balance may put entries", of_resource("ListWallets", *STATEMENTS, 0, "Action"), PUT),
    ("entries outside a transaction", of_resource("CreatePayment", *STATEMENTS, 1, "Condition"), GONE),
    ("role on all tables", of_resource("ListPayments", *STATEMENTS, 0, "Resource"), "*"),
    ("role with a managed policy", of_resource("ListWallets", "Policies", 1), "AmazonDynamoDBFullAccess"),
    ("role too narrow", of_resource("RetrieveRefund", *STATEMENTS, 1), GONE),
    ("a role of its own", of_resource("ListWallets", "Role"), "arn:aws:iam::1:role/admin"),
]


def change(document: Any, path: tuple[Any, ...], value: Any) -> None:
    *parents, last = path
    for part in parents:
        document = document[part]
    if value is GONE:
        del document[last]
    elif isinstance(document, list) and last == len(document):
        document.append(value)
    else:
        document[last] = value


@pytest.mark.parametrize("check", CHECKS)
def test_shipped_templates_have_no_fault(check: str) -> None:
    assert list(CHECKS[check](TEMPLATE, OBSERVABILITY)) == []


@pytest.mark.parametrize(("name", "path", "value"), ALARM_CHANGES, ids=lambda part: str(part)[:40])
def test_harmful_change_of_an_alarm_is_noticed(name: str, path: tuple[Any, ...], value: Any) -> None:
    parent, nested = copy.deepcopy(TEMPLATE), copy.deepcopy(OBSERVABILITY)
    template = parent if name in TEMPLATE.resources else nested
    change(template.document, of_resource(name, *path), value)
    assert [fault for fault in faults(parent, nested) if name in fault]


@pytest.mark.parametrize(("name", "path", "value"), PARENT_CHANGES, ids=[row[0] for row in PARENT_CHANGES])
def test_harmful_change_of_the_template_is_noticed(name: str, path: tuple[Any, ...], value: Any) -> None:
    parent = copy.deepcopy(TEMPLATE)
    change(parent.document, path, value)
    assert faults(parent, OBSERVABILITY), name
