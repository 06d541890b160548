"""What a member of staff does alone: each act is recorded with who and why, in the transaction that it justifies."""

from shared import clock
from shared.aws.dynamodb import Insert, retrying, transact
from shared.desk.models import Action
from shared.desk.wallets import CustomerWallet, find_customer_wallet
from shared.errors import Conflict, NotFound, ValidationError
from shared.payment_methods.models import gateway_customer_of, get_owner, has_cards, release_gateway_customer
from shared.wallets import ledger
from shared.wallets.models import append
from shared.wallets.wallet import open_wallet, wallet_id

BLOCKS = {"block": ledger.BLOCK, "unblock": ledger.UNBLOCK}  # action -> kind of its entry
NOT_OPENED = "No wallet was opened under this id. To block one that was never opened, name its customer."


def new_action(staff: str, what: str, subject: str, reason: str) -> Action:
    """The record of what this member of staff does to the subject."""
    return Action(
        id=clock.new_id(), what=what, subject=subject, by=staff, reason=reason, created_at_us=clock.now_us()
    )


def block_wallet(staff: str, wallet: str, what: str, reason: str, customer: str = "") -> CustomerWallet:
    """Block or unblock the wallet, whichever of BLOCKS `what` is.

    One that was never opened is opened for that, if its customer is given; otherwise Conflict.
    A wallet that is blocked already stays so and gets no second entry. The entry takes the next number, so a spend
    that read the wallet before has to read it again.
    """

    def try_block() -> CustomerWallet | None:
        found = find_customer_wallet(wallet) or _opened(wallet, what, customer)
        if found.head.is_blocked == (what == "block"):
            return found
        action = new_action(staff, what, wallet, reason)
        entry = ledger.next_entry(found.head, BLOCKS[what], "", 0, ledger.by_staff(action.id))
        return None if append(entry, Insert(action)) else CustomerWallet(found.customer, entry)

    return retrying(try_block)


def _opened(wallet: str, what: str, customer: str) -> CustomerWallet:
    """The customer's wallet, opened so that it can be blocked. Nothing stored says whose an unopened wallet is."""
    if what != "block" or not customer:
        raise Conflict(NOT_OPENED, code="wallet_not_opened")
    if wallet_id(customer) != wallet:
        raise ValidationError({"customer": ["This is not the customer of this wallet."]})
    return CustomerWallet(customer, open_wallet(customer))


def release_claim(staff: str, customer: str, reason: str) -> str:
    """End the customer's claim on a customer at Razorpay, whose contact another customer may then claim; its id.

    NotFound without a claim. Conflict while a saved card needs it: whoever claims the contact would see that card.
    """

    def try_release() -> str | None:
        claimed = gateway_customer_of(customer)
        owner = get_owner(claimed) if claimed else None
        if claimed is None or owner is None:
            raise NotFound("Claim")
        if has_cards(customer, claimed):
            raise Conflict("This customer has saved cards. They have to delete them first.", code="has_saved_cards")
        writes = release_gateway_customer(customer, claimed, owner.saved)
        return None if transact(*writes, Insert(new_action(staff, "release", customer, reason))) else claimed

    return retrying(try_release)
