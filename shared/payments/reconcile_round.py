"""One round of the reconciler: what it counts, and when it ends."""

from collections import Counter
from collections.abc import Callable

from shared.deadline import Deadline
from shared.errors import NotFound, ServiceUnavailable
from shared.payments.results import ApplyResult
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import UnexpectedPayload
from shared.telemetry import journal

SILENCES_MAX = 3  # in a row: then Razorpay is unavailable, and each further call may wait for seven seconds


class Round:
    """The counts of a round, by the name of their metric, and Razorpay's silences in a row."""

    def __init__(self) -> None:
        self.counts = Counter({"ReconcileAsked": 0, "ReconcileCredited": 0, "ReconcileFlagged": 0})
        self.counts.update({"ReconcileFailed": 0, "ReconcileLagSeconds": 0, "ReconcileListFailed": 0})
        self._silences = 0

    @property
    def is_silent(self) -> bool:
        """Whether Razorpay seems to be unavailable."""
        return self._silences >= SILENCES_MAX

    @property
    def is_over(self) -> bool:
        return self.is_silent or Deadline.current().has_passed

    def run(self, step: Callable[[], ApplyResult | None]) -> bool:
        """Run one step and count what it did; False if it failed, which never ends the round of the others.

        A step may run others. Any answer ends a row of silences.
        """
        silences = self._silences
        try:
            result = step()
        except ServiceUnavailable as error:
            self._silences += error.is_silence
            self.counts["ReconcileFailed"] += 1
            return False
        except (RazorpayRejected, UnexpectedPayload, NotFound):
            self._silences = 0  # Razorpay has answered
            self.counts["ReconcileFailed"] += 1
            return False
        except Exception as error:
            journal.unexpected(error)
            self.counts["ReconcileFailed"] += 1
            return False
        if self._silences == silences:
            self._silences = 0
        if result is not None:
            self.counts.update(result.counts)
            self.counts["ReconcileCredited"] += result.captured
            self.counts["ReconcileFlagged"] += bool(result.flagged)
        return True
