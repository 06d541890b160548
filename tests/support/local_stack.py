"""The local stack as a child process, started as `make run` starts it."""

from pathlib import Path
from typing import Any

import requests

from local.issuer import Issuer
from tests.support.canaries import ServiceUnderTest
from tools.child_service import ChildService


class LocalStack(ChildService, ServiceUnderTest):
    """`python -m local` as a child process, with the addresses and keys of its ready line."""

    def __init__(self, state: Path, **environment: str) -> None:
        ServiceUnderTest.__init__(self)
        ChildService.__init__(self, state, **environment)
        self.state, ready = state, self.ready
        self.api: str = ready["api"]
        self.razorpay: str = ready["razorpay"]
        self.s3: str = ready["s3"]
        self.key_id: str = ready["key_id"]
        self.key_secret: str = ready["key_secret"]
        self.webhook_secret: str = ready["webhook_secret"]
        self.customers: list[dict[str, str]] = ready["customers"]
        self.staff: list[dict[str, Any]] = ready["staff"]
        self.issuer, self.staff_issuer = Issuer(state), Issuer.for_staff(state)

    def log_text(self) -> str:
        """What came after the ready line."""
        return self.text().partition("\n")[2]

    def table_names(self, client: Any) -> dict[str, str]:
        return {name: name for name in client.list_tables()["TableNames"]}

    def new_customer(self, phone: str = "") -> dict[str, str]:
        """A customer; their token proves the phone number."""
        return dict(self._post(f"{self.api}/_local/customers", {"phone": phone}))

    def control(self, action: str, body: Any) -> Any:
        return self._post(f"{self.razorpay}/_control/{action}", body)

    def invoke(self, function: str, event: Any = None) -> Any:
        return self._post(f"{self.api}/_local/invoke", {"function": function, "event": event or {}})

    def clock(self, forward_s: int) -> None:
        self._post(f"{self.api}/_local/clock", {"forward_s": forward_s})

    def fail_s3(self, *operations: str) -> None:
        """From now on these S3 operations fail for the functions, and all others work."""
        self._post(f"{self.api}/_local/faults", {"s3": operations})

    def fail_issuer(self, is_unavailable: bool) -> None:
        """From now on the issuer's keys cannot be fetched, or can be again."""
        self._post(f"{self.api}/_local/faults", {"issuer": is_unavailable})

    @staticmethod
    def _post(url: str, body: Any) -> Any:
        response = requests.post(url, json=body, timeout=60)
        assert response.status_code == 200, response.text
        return response.json()
