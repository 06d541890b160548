"""All actions with their weights. The order is part of what a seed means."""

from collections.abc import Callable

from tests.simulation.actions.desk import block, decide, propose, release, replay, resolve
from tests.simulation.actions.methods import change_method, change_token
from tests.simulation.actions.payments import (
    dispute,
    gateway_payment,
    late_success,
    lose_webhook,
    move_clock,
    pay,
    pay_twice,
    pay_wrong_amount,
    read,
    reconcile,
    repeat_request,
    return_authorization,
    reuse_key,
    sync,
    top_up,
    verify,
    verify_another,
    wallet_payment,
    webhook,
    webhook_again,
)
from tests.simulation.actions.photos import (
    create_upload,
    delete_photo,
    lose_upload_event,
    read_photo,
    report_upload,
    report_upload_again,
    sweep,
    upload,
)
from tests.simulation.actions.refunds import (
    answer_refunds_otherwise,
    ask_as_customer,
    ask_for_refund,
    dry_run,
    end_refund,
    read_refunds,
    refund_elsewhere,
    report_without_notes,
    unusable_event,
)
from tests.simulation.history import Act, History

Action = Callable[[History], Act | None]

ACTIONS: dict[Action, int] = {
    top_up: 8,
    gateway_payment: 2,
    wallet_payment: 5,
    repeat_request: 3,
    reuse_key: 1,
    pay: 8,
    late_success: 2,
    pay_twice: 1,
    pay_wrong_amount: 1,
    verify: 6,
    verify_another: 1,
    sync: 2,
    webhook: 8,
    webhook_again: 2,
    lose_webhook: 2,
    ask_for_refund: 4,
    ask_as_customer: 1,
    dry_run: 1,
    read_refunds: 1,
    refund_elsewhere: 2,
    end_refund: 2,
    answer_refunds_otherwise: 1,
    report_without_notes: 1,
    unusable_event: 1,
    return_authorization: 1,
    dispute: 2,
    propose: 2,
    decide: 3,
    resolve: 2,
    block: 1,
    release: 1,
    replay: 1,
    change_method: 2,
    change_token: 2,
    read: 2,
    reconcile: 2,
    move_clock: 3,
    create_upload: 2,
    upload: 3,
    report_upload: 3,
    report_upload_again: 1,
    lose_upload_event: 1,
    read_photo: 1,
    delete_photo: 2,
    sweep: 1,
}
ALWAYS_POSSIBLE = (top_up, pay)
CARD_ACTIONS = (gateway_payment, change_method, change_token)
REFUND_ACTIONS = (ask_for_refund, refund_elsewhere, end_refund, wallet_payment, webhook)
DESK_ACTIONS = (propose, decide, resolve, dispute, wallet_payment, webhook)
PHOTO_ACTIONS = (
    create_upload,
    upload,
    report_upload,
    report_upload_again,
    lose_upload_event,
    read_photo,
    delete_photo,
    sweep,
)
SUBJECTS: tuple[tuple[Action, ...], ...] = (
    (),
    (),
    (),
    CARD_ACTIONS,
    REFUND_ACTIONS,
    REFUND_ACTIONS,
    DESK_ACTIONS,
    PHOTO_ACTIONS,
)  # a history's emphasis
SUBJECT_FACTOR = 6
