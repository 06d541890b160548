"""A calm day, and the incidents of each alarm, in the metrics that AWS and the functions emit. Times are UTC.

Each incident is as small as its alarm must notice: one unit less is calm.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.support.cloudwatch import MINUTES_OF_DAY, Metric, Metrics, metric
from tests.support.monitoring import NAMESPACE, STACK

START = 600  # of every incident: a busy time in India
HOUR = 60
BUSY = range(150, 1_110)  # 8:00 to midnight in India
NIGHT = range(0, 150, 10)
RULES = (
    "webhooks-per-address",
    "starts-per-address",
    "requests-per-caller",
    "requests-per-address",
    "known-bad-inputs",
)
# The functions that no request waits for, each of which has an alarm on its errors.
UNATTENDED = ("ReconcilePayments", "AuditWallets", "AuditPayments", "CompressImage", "SweepImages")
TABLES = ("PaymentMethodsTable", "WalletEntriesTable", "PaymentsTable", "RefundsTable", "ImagesTable")
STAFF_TABLES = ("DeskTable", "UnusableWebhooksTable")
STREAMS = {"WalletEntriesStream": "WalletEntriesTable", "PaymentsStream": "PaymentsTable"}
MONEY, SERVICE, TICKET = "MoneyPages", "ServicePages", "Tickets"


def own(name: str) -> Metric:
    return metric(NAMESPACE, name, {"service": STACK})


def logged(name: str) -> Metric:
    return metric(f"{NAMESPACE}/Api", name, {"service": STACK})


def api(name: str) -> Metric:
    return metric("AWS/ApiGateway", name, {"ApiName": STACK, "Stage": "prod"})


def function(name: str, of: str) -> Metric:
    return metric("AWS/Lambda", name, {"FunctionName": of})


def stream(of: str) -> Metric:
    return metric("AWS/Lambda", "PolledEventCount", {"EventSourceMappingUUID": of})


def table(name: str, of: str) -> Metric:
    return metric("AWS/DynamoDB", name, {"TableName": of})


def queue(name: str) -> Metric:
    return metric("AWS/SQS", name, {"QueueName": "FailedUploads"})


def blocked(rule: str) -> Metric:
    return metric("AWS/WAFV2", "BlockedRequests", {"WebACL": STACK, "Region": "ap-south-1", "Rule": rule})


THROTTLES = metric("AWS/Lambda", "Throttles", {})


def calm_day() -> Metrics:
    """A day on which no alarm is raised, with the single failures that every day has."""
    day = Metrics()
    minutes = range(MINUTES_OF_DAY)
    for name, busy, night in (("Count", 20, 1), ("4XXError", 2, 1), ("5XXError", 0, 0)):
        day.put(api(name), BUSY, busy)
        day.put(api(name), NIGHT, night)
    day.put(api("5XXError"), [470], 4)
    day.put(api("Latency"), BUSY, 90, 400)
    day.put(api("Latency"), [480], 9_000)
    day.put(logged("Unauthorized"), BUSY, 1)
    day.put(logged("Forbidden"), [490], 49)
    day.put(logged("TooManyRequests"), [490], 49)
    for payment in [*range(0, 150, 37), *range(150, 1_110, 3)]:  # its webhook and the auditors follow a minute later
        day.put(own("PaymentCaptured"), [payment], 1)
        day.put(own("WebhookApplied"), [payment + 1], 1)
        for name, written in STREAMS.items():
            day.put(table("ConsumedWriteCapacityUnits", written), [payment], 4)
            day.put(stream(name), [payment + 1], 2)
    for name in ("LedgerEntryChanged", "LedgerDrift", "EntryNotJustified", "TopUpNotCredited", "OwedPaise"):
        day.put(own(name), BUSY, 0)  # counted with each batch, mostly as zero
    for name in ("ReconcileAsked", "PaymentsInReview"):
        day.put(own(name), minutes, 0)
    day.put(own("ReconcileLagSeconds"), minutes, 60)
    day.put(own("DisputeAnswerDueSeconds"), minutes, 86_400)
    day.put(own("SweepFailed"), range(0, MINUTES_OF_DAY, 5), 0)
    day.put(own("SweepFailed"), [480], 2)
    day.put(own("OwedPaise"), [480], 400_000)
    day.put(own("WebhookRefused"), [480], 3)
    day.put(own("UploadDuplicate"), BUSY, 1)
    day.put(own("UploadDuplicate"), [480], 2_000)
    day.put(own("KeysStale"), [480], 1)
    day.put(own("GatewayCalls"), BUSY, 24)
    day.put(own("GatewayErrors"), [450], 4)
    day.put(own("GatewayErrors"), [480], 40)
    for name in UNATTENDED:
        day.put(function("Errors", name), range(0, MINUTES_OF_DAY, 5), 0)
        day.put(function("Errors", name), [480], 1)
    for name in ("AuditWallets", "AuditPayments"):
        day.put(function("IteratorAge", name), BUSY, 30_000)
        day.put(function("IteratorAge", name), [480], 700_000)
    day.put(function("Duration", "ReceiveWebhook"), BUSY, 120, 900)
    day.put(function("Duration", "ReceiveWebhook"), [480], 3_900)
    day.put(THROTTLES, minutes, 0)
    day.put(THROTTLES, [480], 5)
    for name in (*TABLES, *STAFF_TABLES):
        day.put(table("WriteThrottleEvents", name), [480], 3)
    for name in ("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"):
        day.put(queue(name), minutes, 0)
    day.put(blocked("known-bad-inputs"), [480], 99)
    return day


@dataclass(frozen=True, eq=False)
class Incident:
    """What an incident changes in the metrics of the calm day, and when its alarm must notice.

    A change is a metric, minutes, and the value in them; None is no data.
    """

    changes: Sequence[tuple[Metric, Sequence[int], float | None]]
    noticed_within_min: int
    over_within_min: int | None = None  # after the last change; None if the incident does not end

    def metrics(self, calm: Metrics) -> Metrics:
        changed = calm.copy()
        for name, minutes, value in self.changes:
            if value is None:
                changed.remove(name, minutes)
            else:
                changed.put(name, minutes, value)
        return changed


def once(name: Metric, value: float = 1, over_within_min: int = 3) -> Incident:
    """In one minute, noticed in that minute."""
    return Incident([(name, [START], value)], 1, over_within_min)


def every(step_min: int, name: Metric, value: float, noticed_within_min: int, **also: float) -> Incident:
    """For an hour, every so many minutes."""
    others = [(api(other), range(START, START + HOUR), number) for other, number in also.items()]
    changes = [(name, range(START, START + HOUR, step_min), value), *others]
    return Incident(changes, noticed_within_min, 40)


def silence(noticed_within_min: int, *names: Metric) -> Incident:
    """No more data, for the rest of the day."""
    return Incident([(name, range(START, MINUTES_OF_DAY), None) for name in names], noticed_within_min)


def each(make: Iterable[Incident]) -> tuple[Incident, ...]:
    return tuple(make)


WEBHOOKS = [own(f"Webhook{outcome}") for outcome in ("Applied", "Unchanged", "Ignored")]
FAULTS = ("LedgerDrift", "EntryNotJustified", "TopUpNotCredited", "UnexpectedError")
HOUR_LONG = 2 * HOUR + 5  # on for an hour, and while CloudWatch still reads the periods before

# The functions whose new versions each alarm watches during a deployment.
VERSIONS: Mapping[str, tuple[str, ...]] = {
    "PaymentMethodsVersionAlarm": (
        "Authorize",
        "AuthorizeStaff",
        "ListPaymentMethods",
        "CreatePaymentMethod",
        "RetrievePaymentMethod",
        "UpdatePaymentMethod",
        "DeletePaymentMethod",
        "SetDefaultPaymentMethod",
    ),
    "WalletsVersionAlarm": (
        "ListWallets",
        "RetrieveWallet",
        "ListWalletTransactions",
        "AddWalletBalance",
        "BlockStaffWallet",
        "CheckStaffWallet",
        "CreateStaffAdjustment",
        "CreateStaffWaiver",
        "AuditWallets",
    ),
    "PaymentsVersionAlarm": (
        "ListPayments",
        "ListPaymentLimits",
        "CreatePayment",
        "RetrievePayment",
        "VerifyPayment",
        "SyncPayment",
        "ReceiveWebhook",
        "ReconcilePayments",
        "AuditPayments",
    ),
    "RefundsVersionAlarm": ("ListRefunds", "CreateRefund", "RetrieveRefund"),
    "StaffVersionAlarm": (
        "SearchStaff",
        "RetrieveStaffPayment",
        "RetrieveStaffCustomer",
        "CreateStaffRefund",
        "ListStaffProposals",
        "DecideStaffProposal",
        "RetrieveStaffEvidence",
        "CancelStaffRefund",
        "ListStaffDisputes",
    ),
    "DeskVersionAlarm": (
        "ListStaffReviews",
        "ResolveStaffReview",
        "ListStaffWebhooks",
        "ReplayStaffWebhook",
        "ReleaseStaffClaim",
        "ReplayStaffUploads",
    ),
    "ImagesVersionAlarm": (
        "CreateImageUpload",
        "ListImages",
        "RetrieveImage",
        "DeleteImage",
        "CompressImage",
        "SweepImages",
    ),
}


def version_errors(of: str) -> Metric:
    dimensions = {"FunctionName": of, "Resource": f"{of}:live", "ExecutedVersion": f"{of}.Version.Version"}
    return metric("AWS/Lambda", "Errors", dimensions)


# The topic that each alarm notifies, and its incidents.
INCIDENTS: Mapping[str, tuple[str, tuple[Incident, ...]]] = {
    "LedgerEntryChangedAlarm": (MONEY, (once(own("LedgerEntryChanged"), 1, HOUR_LONG),)),
    "LedgerDriftAlarm": (MONEY, (once(own("LedgerDrift"), 1, HOUR_LONG),)),
    "EntryNotJustifiedAlarm": (MONEY, (once(own("EntryNotJustified"), 1, HOUR_LONG),)),
    "TopUpNotCreditedAlarm": (MONEY, (once(own("TopUpNotCredited"), 1, HOUR_LONG),)),
    "AuditBehindAlarm": (
        MONEY,
        each(every(1, function("IteratorAge", name), 600_001, 10) for name in ("AuditWallets", "AuditPayments")),
    ),
    "AuditSilentAlarm": (MONEY, each(silence(125, stream(name)) for name in STREAMS)),
    "ServerErrorsAlarm": (
        SERVICE,
        (once(api("5XXError"), 5, 20), every(1, api("5XXError"), 2.2, 5, Count=200)),
    ),
    "ReconcilerSilentAlarm": (SERVICE, (silence(10, own("ReconcileAsked")),)),
    "ReconcilerBehindAlarm": (SERVICE, (every(1, own("ReconcileLagSeconds"), 901, 10),)),
    "WebhookSilenceAlarm": (SERVICE, (silence(60, *WEBHOOKS),)),
    "ClientErrorsAlarm": (SERVICE, (every(1, api("4XXError"), 11, 15),)),
    "UnauthorizedAlarm": (
        SERVICE,
        (every(1, logged("Unauthorized"), 7, 10), every(1, logged("Unauthorized"), 4, 10, Count=4)),
    ),
    "RequestsThrottledAlarm": (SERVICE, (every(1, logged("TooManyRequests"), 10, 10, Count=99),)),
    "NoCallsAlarm": (SERVICE, (silence(30, api("Count")),)),
    "NewFaultsAlarm": (TICKET, each(once(own(name)) for name in FAULTS)),
    **{name: (TICKET, each(once(version_errors(of)) for of in functions)) for name, functions in VERSIONS.items()},
    "UnexpectedErrorsAlarm": (TICKET, (once(own("UnexpectedError")),)),
    **{f"{name}ErrorsAlarm": (TICKET, (every(5, function("Errors", name), 1, 10),)) for name in UNATTENDED},
    "SweepFailedAlarm": (TICKET, (every(5, own("SweepFailed"), 1, 15),)),
    "ForbiddenAlarm": (TICKET, (every(1, logged("Forbidden"), 10, 10),)),
    "WafBlocksAlarm": (TICKET, each(every(1, blocked(rule), 20, 10) for rule in RULES)),
    "PaymentsInReviewAlarm": (TICKET, (every(1, own("PaymentsInReview"), 1, 1),)),
    "DisputeAnswerDueAlarm": (TICKET, (every(1, own("DisputeAnswerDueSeconds"), 86_399, 1),)),
    "OwedAlarm": (TICKET, (once(own("OwedPaise"), 100_001, 361),)),
    "WebhookRefusedAlarm": (TICKET, (once(own("WebhookRefused"), 4, 20),)),
    "KeysUnavailableAlarm": (TICKET, each(every(5, own(name), 1, 6) for name in ("KeysStale", "KeysUnavailable"))),
    "WebhookUnusableAlarm": (TICKET, (once(own("WebhookUnusable"), 1, 20),)),
    "WebhookAccountAlarm": (TICKET, (once(own("WebhookOfAnotherAccount"), 1, 20),)),
    "WebhookSlowAlarm": (TICKET, (every(1, function("Duration", "ReceiveWebhook"), 3_001, 15),)),
    "RazorpayErrorsAlarm": (TICKET, (every(1, own("GatewayErrors"), 5, 10),)),
    "LatencyAlarm": (TICKET, (every(1, api("Latency"), 3_001, 15),)),
    "ThrottlesAlarm": (TICKET, (every(5, THROTTLES, 1, 6),)),
    "TablesThrottledAlarm": (
        TICKET,
        each(every(5, table(f"{kind}ThrottleEvents", name), 1, 6) for name in TABLES for kind in ("Read", "Write")),
    ),
    "StaffTablesThrottledAlarm": (
        TICKET,
        each(
            every(5, table(f"{kind}ThrottleEvents", name), 1, 6)
            for name in STAFF_TABLES
            for kind in ("Read", "Write")
        ),
    ),
    "UploadsRepeatedAlarm": (TICKET, (every(1, own("UploadDuplicate"), 201, 10),)),
    "FailedUploadsAlarm": (TICKET, (every(1, queue("ApproximateNumberOfMessagesVisible"), 1, 1),)),
    "FailedUploadsOldAlarm": (TICKET, (every(1, queue("ApproximateAgeOfOldestMessage"), 604_801, 1),)),
}
