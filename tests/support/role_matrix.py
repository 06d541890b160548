"""What each function may do, by resource. A wider or narrower template fails.

`PutItem+transaction` is allowed in a transaction only, `ListBucket+out/*` for keys with this prefix only.
"""

from collections.abc import Mapping

MATRIX: Mapping[str, Mapping[str, str]] = {
    "Authorize": {},
    "AuthorizeStaff": {},
    "ListPaymentMethods": {
        "PaymentMethodsTable": "GetItem Query",
    },
    "CreatePaymentMethod": {
        "PaymentMethodsTable": "PutItem Query",
    },
    "RetrievePaymentMethod": {
        "PaymentMethodsTable": "GetItem",
    },
    "UpdatePaymentMethod": {
        "PaymentMethodsTable": "ConditionCheckItem DeleteItem GetItem PutItem UpdateItem",
    },
    "DeletePaymentMethod": {
        "PaymentMethodsTable": "ConditionCheckItem DeleteItem GetItem UpdateItem",
        "GatewayKey": "GetSecretValue",
    },
    "SetDefaultPaymentMethod": {
        "PaymentMethodsTable": "ConditionCheckItem GetItem PutItem",
    },
    "ListWallets": {
        "WalletEntriesTable": "Query",
    },
    "RetrieveWallet": {
        "WalletEntriesTable": "Query",
    },
    "ListWalletTransactions": {
        "WalletEntriesTable": "GetItem Query",
        "PaymentsTable": "BatchGetItem",
        "RefundsTable": "BatchGetItem",
    },
    "AddWalletBalance": {
        "WalletEntriesTable": "PutItem+transaction Query",
        "PaymentsTable": "BatchGetItem GetItem PutItem UpdateItem",
        "PaymentMethodsTable": "GetItem PutItem",
        "GatewayKey": "GetSecretValue",
    },
    "ListPayments": {
        "PaymentsTable": "BatchGetItem",
        "PaymentsTable/index/by_time": "Query",
        "PaymentMethodsTable": "GetItem",
    },
    "ListPaymentLimits": {
        "PaymentsTable": "BatchGetItem",
        "WalletEntriesTable": "Query",
    },
    "CreatePayment": {
        "WalletEntriesTable": "PutItem+transaction Query",
        "PaymentsTable": "BatchGetItem GetItem PutItem UpdateItem",
        "PaymentMethodsTable": "GetItem PutItem",
        "GatewayKey": "GetSecretValue",
    },
    "RetrievePayment": {
        "PaymentsTable": "GetItem",
        "PaymentMethodsTable": "GetItem",
    },
    "VerifyPayment": {
        "PaymentsTable": "GetItem UpdateItem",
        "WalletEntriesTable": "PutItem+transaction Query",
        "RefundsTable": "GetItem PutItem Query UpdateItem",
        "PaymentMethodsTable": "GetItem PutItem UpdateItem",
        "GatewayKey": "GetSecretValue",
    },
    "SyncPayment": {
        "PaymentsTable": "GetItem UpdateItem",
        "WalletEntriesTable": "PutItem+transaction Query",
        "RefundsTable": "GetItem PutItem Query UpdateItem",
        "PaymentMethodsTable": "GetItem PutItem UpdateItem",
        "GatewayKey": "GetSecretValue",
    },
    "ListRefunds": {
        "PaymentsTable": "GetItem",
        "RefundsTable": "Query",
    },
    "CreateRefund": {
        "PaymentsTable": "GetItem UpdateItem",
        "WalletEntriesTable": "PutItem+transaction Query",
        "RefundsTable": "GetItem PutItem Query UpdateItem",
        "PaymentMethodsTable": "PutItem",
        "GatewayKey": "GetSecretValue",
    },
    "RetrieveRefund": {
        "PaymentsTable": "GetItem",
        "RefundsTable": "GetItem",
    },
    "ReceiveWebhook": {
        "PaymentsTable": "GetItem PutItem UpdateItem",
        "PaymentsTable/index/by_gateway_order": "Query",
        "WalletEntriesTable": "PutItem+transaction Query",
        "RefundsTable": "GetItem PutItem Query UpdateItem",
        "UnusableWebhooksTable": "PutItem",
        "PaymentMethodsTable": "GetItem PutItem UpdateItem",
        "GatewayKey": "GetSecretValue",
        "WebhookSecrets": "GetSecretValue",
    },
    "ReconcilePayments": {
        "PaymentsTable": "GetItem PutItem UpdateItem",
        "PaymentsTable/index/by_gateway_order": "Query",
        "PaymentsTable/index/open": "Query",
        "PaymentsTable/index/in_review": "Query",
        "RefundsTable/index/open": "Query",
        "RefundsTable/index/awaits_answer": "Query",
        "WalletEntriesTable": "PutItem+transaction Query",
        "RefundsTable": "GetItem PutItem Query UpdateItem",
        "PaymentMethodsTable": "GetItem PutItem UpdateItem",
        "PaymentMethodsTable/index/open": "Query",
        "GatewayKey": "GetSecretValue",
    },
    "SearchStaff": {
        "PaymentsTable": "GetItem",
        "PaymentsTable/index/by_id": "Query",
        "PaymentsTable/index/by_gateway_order": "Query",
        "PaymentsTable/index/by_time": "Query",
        "WalletEntriesTable": "Query",
        "PaymentMethodsTable": "GetItem Query",
        "GatewayKey": "GetSecretValue",
    },
    "RetrieveStaffPayment": {
        "PaymentsTable": "GetItem",
        "PaymentsTable/index/by_id": "Query",
        "RefundsTable": "Query",
        "WalletEntriesTable": "Query",
        "DeskTable": "BatchGetItem",
    },
    "RetrieveStaffCustomer": {
        "PaymentsTable": "BatchGetItem",
        "PaymentsTable/index/by_time": "Query",
        "WalletEntriesTable": "Query",
        "PaymentMethodsTable": "GetItem Query",
    },
    "CreateStaffRefund": {
        "PaymentsTable": "GetItem UpdateItem",
        "PaymentsTable/index/by_id": "Query",
        "WalletEntriesTable": "PutItem+transaction Query",
        "RefundsTable": "GetItem PutItem Query UpdateItem",
        "DeskTable": "GetItem PutItem",
        "PaymentMethodsTable": "PutItem",
        "GatewayKey": "GetSecretValue",
    },
    "BlockStaffWallet": {
        "PaymentMethodsTable": "GetItem",
        "WalletEntriesTable": "PutItem+transaction Query",
        "DeskTable": "PutItem+transaction",
    },
    "CheckStaffWallet": {
        "PaymentMethodsTable": "GetItem",
        "WalletEntriesTable": "Query",
        "PaymentsTable": "GetItem",
        "RefundsTable": "GetItem",
        "DeskTable": "GetItem",
    },
    "CreateStaffAdjustment": {
        "PaymentMethodsTable": "GetItem",
        "WalletEntriesTable": "Query",
        "DeskTable": "GetItem PutItem",
    },
    "CreateStaffWaiver": {
        "PaymentMethodsTable": "GetItem",
        "WalletEntriesTable": "Query",
        "DeskTable": "GetItem PutItem",
    },
    "ListStaffProposals": {
        "DeskTable": "BatchGetItem",
        "DeskTable/index/by_state": "Query",
    },
    "DecideStaffProposal": {
        "DeskTable": "GetItem UpdateItem",
        "PaymentsTable": "GetItem UpdateItem",
        "PaymentsTable/index/by_id": "Query",
        "WalletEntriesTable": "PutItem+transaction Query",
        "RefundsTable": "GetItem PutItem Query UpdateItem",
        "PaymentMethodsTable": "GetItem PutItem",
        "GatewayKey": "GetSecretValue",
    },
    "RetrieveStaffEvidence": {
        "PaymentsTable": "GetItem",
        "PaymentsTable/index/by_id": "Query",
        "RefundsTable": "Query",
        "WalletEntriesTable": "Query",
        "ImagesTable/index/by_time": "Query",
        "ImagesTable": "BatchGetItem",
        "DeskTable": "BatchGetItem",
    },
    "ListStaffReviews": {
        "PaymentsTable": "BatchGetItem GetItem",
        "PaymentsTable/index/in_review": "Query",
        "DeskTable": "BatchGetItem",
        "DeskTable/index/by_state": "Query",
    },
    "ResolveStaffReview": {
        "DeskTable": "BatchGetItem GetItem PutItem UpdateItem",
        "PaymentsTable": "BatchGetItem GetItem UpdateItem",
        "PaymentsTable/index/in_review": "Query",
        "WalletEntriesTable": "PutItem+transaction Query",
        "RefundsTable": "GetItem PutItem Query UpdateItem",
        "PaymentMethodsTable": "GetItem PutItem UpdateItem",
        "GatewayKey": "GetSecretValue",
    },
    "ListStaffWebhooks": {
        "UnusableWebhooksTable": "BatchGetItem",
        "UnusableWebhooksTable/index/open": "Query",
    },
    "ReplayStaffWebhook": {
        "UnusableWebhooksTable": "BatchGetItem UpdateItem",
        "DeskTable": "PutItem+transaction",
        "PaymentsTable": "GetItem PutItem UpdateItem",
        "PaymentsTable/index/by_gateway_order": "Query",
        "WalletEntriesTable": "PutItem+transaction Query",
        "RefundsTable": "GetItem PutItem Query UpdateItem",
        "PaymentMethodsTable": "GetItem PutItem UpdateItem",
        "GatewayKey": "GetSecretValue",
    },
    "ReleaseStaffClaim": {
        "PaymentMethodsTable": "DeleteItem GetItem Query",
        "DeskTable": "PutItem+transaction",
    },
    "AuditWallets": {
        "WalletEntriesTable": "GetItem Query",
        "PaymentMethodsTable": "GetItem",
        "PaymentsTable": "GetItem",
        "RefundsTable": "GetItem",
        "DeskTable": "GetItem",
        "WalletEntriesTable/stream": "DescribeStream GetRecords GetShardIterator",
        "*": "ListStreams",
    },
    "AuditPayments": {
        "WalletEntriesTable": "Query",
        "PaymentsTable/stream": "DescribeStream GetRecords GetShardIterator",
        "*": "ListStreams",
    },
    "CreateImageUpload": {
        "ImagesTable": "GetItem PutItem UpdateItem",
        "UploadsBucket/in/*": "PutObject",
    },
    "ListImages": {
        "ImagesTable/index/by_time": "Query",
        "ImagesTable": "BatchGetItem",
        "ImagesBucket/out/*": "GetObject",
    },
    "RetrieveImage": {
        "ImagesTable": "GetItem",
        "ImagesBucket/out/*": "GetObject",
    },
    "DeleteImage": {
        "ImagesTable": "GetItem UpdateItem",
        "UploadsBucket": "ListBucketVersions+in/*",
        "UploadsBucket/in/*": "DeleteObjectVersion",
        "ImagesBucket": "ListBucket+out/*",
        "ImagesBucket/out/*": "DeleteObject",
    },
    "CompressImage": {
        "ImagesTable": "GetItem UpdateItem",
        "UploadsBucket/in/*": "GetObjectVersion",
        "ImagesBucket/out/*": "PutObject",
        "UploadsBucket": "ListBucketVersions+in/*",
    },
    "SweepImages": {
        "ImagesTable": "DeleteItem GetItem UpdateItem",
        "ImagesTable/index/open": "Query",
        "UploadsBucket": "ListBucketVersions+in/*",
        "UploadsBucket/in/*": "DeleteObjectVersion",
        "ImagesBucket": "ListBucket+out/*",
        "ImagesBucket/out/*": "DeleteObject",
    },
}
