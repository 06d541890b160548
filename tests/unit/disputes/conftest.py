"""Disputes are tested in the surroundings of payments."""

from tests.unit.payments.conftest import razorpay_cards, sound_ledgers, webhook_secrets

__all__ = ["razorpay_cards", "sound_ledgers", "webhook_secrets"]
