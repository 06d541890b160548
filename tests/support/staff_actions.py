"""What each function of staff lets them do; shared/staff/groups.py says which groups may."""

ACTIONS = {
    "SearchStaff": "read",
    "RetrieveStaffPayment": "read",
    "CreateStaffRefund": "request_refund",
    "CancelStaffRefund": "request_refund",
    "RetrieveStaffCustomer": "read",
    "ListStaffDisputes": "read",
    "ReplayStaffUploads": "replay",
    "RetrieveStaffEvidence": "read",
    "BlockStaffWallet": "block",
    "CheckStaffWallet": "read",
    "ReleaseStaffClaim": "release",
    "ListStaffWebhooks": "read",
    "ReplayStaffWebhook": "replay",
    "ListStaffReviews": "read",
    "ResolveStaffReview": "resolve",
    "CreateStaffAdjustment": "propose",
    "CreateStaffWaiver": "propose",
    "ListStaffProposals": "read",
    "DecideStaffProposal": "decide",
}
