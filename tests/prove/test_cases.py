"""The catalogue of adversarial cases: where each is automated, or why it is not.

A case is asked here as a request with the answer that the contract gives, or it names the tests that cover it; where
the contract decides otherwise than the catalogue, the contract's answer stands and the reason is said.
"""

import ast
import json
from typing import Any

import pytest

from local.template import ROOT
from tests.prove.drivers import API, funded, started_top_up
from tests.prove.interleavings import MEETINGS
from tests.prove.invariants import violations
from tests.prove.world import STAGE, Customer, Reply, World

COUNTS = {"V": 34, "A": 20, "M": 20, "D": 6, "C": 16, "F": 34, "W": 20, "I": 17, "P": 9, "T": 17}
MONEY, SPEND, METHODS = f"{API}/wallets/add-money/", f"{API}/payments/", f"{API}/payment-methods/"
VERIFY = SPEND + "{payment}/verify/"
CARD = "4111 1111 1111 1111"

# (case, method, path, body or its raw text, status); {method}, {payment} and {wallet} are the customer's own.
REQUESTS: list[tuple[str, str, str, Any, int]] = [
    ("V1", "POST", MONEY, {}, 400),
    ("V1", "POST", METHODS, {}, 400),
    ("V2", "POST", MONEY, '{"amount":', 400),
    ("V3", "POST", MONEY, "[" * 60_000, 400),
    ("V4", "POST", MONEY, '{"amount":' + "9" * 5_000 + "}", 400),
    ("V6", "POST", METHODS, '{"type":"upi","upi_id":"a@ybl","nickname":"\\ud800"}', 400),
    ("V8", "POST", MONEY, '{"a":"' + "x" * 65_536 + '"}', 413),
    ("V9", "POST", MONEY, {"amount": "100"}, 201),  # Django reads rupees as text or number
    ("V10", "POST", MONEY, '{"amount":1e2}', 201),
    ("V10", "POST", MONEY, '{"amount":100.555}', 400),
    ("V11", "POST", MONEY, '{"amount":NaN}', 400),
    ("V11", "POST", MONEY, {"amount": "Infinity"}, 400),
    ("V11", "POST", MONEY, '{"amount":1e400}', 400),
    ("V12", "POST", MONEY, {"amount": "0x64"}, 400),
    ("V13", "POST", MONEY, {"amount": 0}, 400),
    ("V13", "POST", MONEY, {"amount": -1}, 400),
    ("V13", "POST", MONEY, {"amount": -9223372036854775808}, 400),
    ("V14", "POST", MONEY, {"amount": "0.99"}, 400),
    ("V14", "POST", MONEY, {"amount": "1.00"}, 201),
    ("V15", "POST", MONEY, {"amount": 10**37}, 400),
    ("V15", "POST", MONEY, {"amount": 10**41}, 400),
    ("V16", "POST", MONEY, {"amount": "19.99"}, 201),
    ("V16", "POST", MONEY, {"amount": "1.005"}, 400),
    ("V16", "POST", MONEY, {"amount": "1,000"}, 400),
    ("V16", "POST", MONEY, {"amount": "₹10"}, 400),
    ("V18", "POST", METHODS, {}, 400),
    ("V18", "POST", METHODS, {"type": "Card"}, 400),
    ("V18", "POST", METHODS, {"type": "crypto"}, 400),
    ("V20", "POST", METHODS, {"type": "card", "card_last4": "4242", "card_expiry_month": "1.5"}, 400),
    ("V22", "POST", METHODS, {"type": "upi", "upi_id": "a@ybl", "nickname": "x" * 101}, 400),
    ("V22", "POST", METHODS, {"type": "upi", "upi_id": "a@ybl", "nickname": "a\x00b"}, 400),
    ("V22", "POST", METHODS, {"type": "upi", "upi_id": "a@ybl", "nickname": "<script>=cmd() \u202e"}, 201),
    ("V23", "POST", METHODS, {"type": "upi", "upi_id": "a@ybl", "nickname": CARD}, 400),
    ("V24", "POST", METHODS, {"type": "card", "card_last4": "4242", "extra": {"CVV": "123"}}, 400),
    ("V24", "PATCH", METHODS + "{method}/", {"card_number": "x"}, 400),
    ("V25", "GET", METHODS + "../", None, 404),
    ("V25", "GET", METHODS + "%2e%2e/", None, 404),
    ("V25", "GET", METHODS + "a" * 5_000 + "/", None, 404),
    (
        "V26",
        "POST",
        SPEND + "{payment}/verify/",
        {"razorpay_payment_id": "pay_x/../o", "razorpay_signature": "x"},
        400,
    ),
    ("V26", "POST", SPEND + "{payment}/verify/", {"razorpay_payment_id": "pay_x\n1", "razorpay_signature": "x"}, 400),
    ("V26", "POST", SPEND + "{payment}/verify/", {"razorpay_payment_id": ["pay_1"], "razorpay_signature": "x"}, 400),
    ("V27", "GET", f"{API}/wallets/transactions/?page=0", None, 404),  # pages of 20, as Django has them: no limit
    ("V27", "GET", f"{API}/wallets/transactions/?page=abc", None, 404),
    ("V28", "GET", f"{API}/wallets/transactions/?page=1e3", None, 404),  # no cursors: a page is a number
    ("V29", "PATCH", METHODS + "{method}/", {}, 200),
    ("V30", "POST", MONEY, {"amount": "5.00", "unknown": 1}, 201),  # Django leaves unknown fields out
    ("V31", "POST", SPEND, {"amount": "5.00", "source": "gateway", "payment_method": "0" * 32}, 400),
    ("V32", "GET", "/api/payments/nothing/", None, 404),
    ("V32", "PUT", METHODS, None, 404),
    ("V32", "TRACE", METHODS, None, 404),
    ("V32", "GET", METHODS.rstrip("/"), None, 200),
    ("V33", "POST", "/api/mobile/upload-image/", {"content_type": "image/svg+xml"}, 400),
    ("V33", "POST", "/api/mobile/upload-image/", {"content_type": "image/gif"}, 400),
    ("V34", "POST", "/api/mobile/upload-image/", {"content_type": "image/jpeg", "size_bytes": 0}, 400),
    ("V34", "POST", "/api/mobile/upload-image/", {"content_type": "image/jpeg", "size_bytes": -1}, 400),
    ("V34", "POST", "/api/mobile/upload-image/", {"content_type": "image/jpeg", "size_bytes": 10**9}, 400),
    ("A15", "POST", SPEND, {"amount": "5.00", "source": "gateway", "status": "captured", "order_id": "order_1"}, 201),
    ("A16", "POST", f"{API}/payments/reconcile/", {}, 404),
    ("A16", "POST", f"{API}/wallets/audit/", {}, 404),
    ("M20", "POST", MONEY, {"amount": "1.05"}, 201),
    ("W20", "GET", f"{API}/webhooks/razorpay/", None, 404),
    ("W20", "HEAD", f"{API}/webhooks/razorpay/", None, 404),
]

CRASHES = "test_a_flow_that_meets_any_fault_at_any_call_is_finished_once"
HISTORIES = "test_no_history_violates_anything"
MODEL = "WalletsTest"
NASTY = "test_it_ends_with_its_answer_inside_the_limits"

# Case to the tests and meetings that cover it.
COVERED: dict[str, tuple[str, ...]] = {
    "V3": ("test_no_body_is_slow_to_refuse",),
    "V5": ("test_a_base64_body_is_decoded", "test_no_input_escapes_costs_much_or_moves_money"),
    "V6": ("test_a_body_that_cannot_be_read_is_refused_and_changes_nothing",),
    "V7": ("test_only_json_is_read",),
    "V15": ("test_a_number_that_dynamodb_does_not_take_is_refused", "test_an_enormous_amount_costs_nothing"),
    "V16": ("test_rupees_are_read_as_django_reads_them", "test_what_is_no_amount_is_refused_before_any_arithmetic"),
    "V19": ("test_a_patch_is_checked_against_what_it_makes_of_the_method",),
    "V20": ("test_a_cards_expiry_is_kept_only_where_it_may_be",),
    "V21": ("test_the_provider_is_read_from_the_upi_handle", "test_handles_are_written_as_they_are_looked_up"),
    "V23": ("test_a_card_number_is_found", "test_card_data_is_refused_whatever_the_field_and_never_logged"),
    "V24": ("test_card_data_is_refused_wherever_it_is",),
    "V25": ("test_another_customers_ids_look_like_ids_of_nothing",),
    "V31": ("test_anothers_a_deleted_and_a_suspended_method_are_refused",),
    "V33": ("test_a_ticket_for_anything_else_is_refused",),
    "A1": (
        "test_every_route_but_the_webhook_stands_behind_the_authorizer",
        "test_no_route_answers_without_a_good_token",
    ),
    "A2": ("test_another_key_algorithm_or_form_is_refused",),
    "A3": ("test_a_claim_that_does_not_hold_is_refused",),
    "A4": ("test_a_scope_is_asked_for_when_one_is_set",),
    "A5": ("test_no_route_answers_without_a_good_token",),
    "A6": ("test_keys_that_cannot_be_had_let_nobody_in_and_are_not_asked_for_each_time",),
    "A7": ("test_another_customers_ids_look_like_ids_of_nothing",),
    "A8": ("test_another_customers_ids_look_like_ids_of_nothing",),
    "A9": ("test_anothers_method_looks_like_none",),
    "A10": ("test_another_wallet_than_ones_own_is_not_found", "test_another_customers_ids_look_like_ids_of_nothing"),
    "A11": ("test_a_customer_who_shows_anothers_genuine_triple_is_told_that_nothing_is_there",),
    "A12": ("test_verify_takes_the_stored_order_and_not_a_genuine_signature_of_a_cheaper_one",),
    "A13": ("test_a_photo_is_shown_to_its_customer_alone",),
    "A14": ("test_fields_that_are_not_the_apps_to_set_are_left_out",),
    "A17": ("test_a_spoofed_header_changes_nothing",),
    "A18": ("test_a_webhook_without_a_good_signature_is_refused",),
    "A19": ("test_a_thousand_requests_of_three_in_turn_do_not_bleed",),
    "M1": (CRASHES,),
    "M2": (CRASHES,),
    "M3": (MODEL, HISTORIES),
    "M4": ("test_what_failed_or_was_only_authorised_may_still_be_captured",),
    "M5": ("test_what_does_not_fit_is_flagged_and_a_fitting_capture_still_credits",),
    "M6": ("test_what_does_not_fit_is_flagged_and_a_fitting_capture_still_credits",),
    "M7": ("test_what_does_not_fit_is_flagged_and_a_fitting_capture_still_credits",),
    "M8": ("test_a_gateway_payment_for_an_order_leaves_the_wallet_alone",),
    "M9": ("test_a_refund_of_a_credited_top_up_is_taken_back_once",),
    "M10": ("test_a_refund_of_a_credited_top_up_is_taken_back_once", "two refunds of one payment"),
    "M11": ("test_a_refund_that_overtakes_its_capture_leaves_the_same_ledger_as_in_order", "refund, its capture"),
    "M12": ("test_a_dispute_puts_the_payment_under_review",),
    "M13": ("test_a_payment_that_the_wallet_cannot_cover_stays_refused_for_its_key",),
    "M14": ("test_a_top_up_beyond_the_cap_is_refused_before_any_order",),
    "M15": ("two first touches of a wallet", "test_ten_looks_at_a_wallet_open_it_once"),
    "M16": ("test_pages_and_filters_count_exactly",),
    "M17": ("test_no_role_may_change_or_remove_an_entry_of_the_ledger", HISTORIES),
    "M18": ("test_a_number_that_is_one_off_is_drift", "test_an_entry_changed_by_hand_is_reported"),
    "M19": ("test_a_gateway_that_answers_with_another_payment_is_not_believed",),
    "D2": ("test_there_is_one_default_however_it_is_chosen", "two defaults"),
    "D3": ("test_a_deleted_method_is_gone_for_everyone_and_no_longer_the_default",),
    "D4": ("test_anothers_method_looks_like_none",),
    "D6": ("test_a_customer_saves_at_most_so_many_methods",),
    "C1": ("test_two_taps_with_one_key_are_one_payment_with_one_gateway_order", "one top-up started twice"),
    "C2": ("one key, two bodies",),
    "C3": ("verify, webhook",),
    "C4": ("two credits of one wallet",),
    "C5": ("credit, spend", "credit, spend, spend"),
    "C6": ("two spend the whole balance",),
    "C7": ("two defaults",),
    "C8": ("default, delete",),
    "C9": ("delete, change",),
    "C10": ("two first touches of a wallet", "first touch, top-up"),
    "C11": ("test_compressor_and_sweeper_end_a_photo_once_whoever_comes_first",),
    "C12": ("reconciler, reconciler",),
    "C13": (HISTORIES,),
    "C14": ("test_the_traffic_of_eight_customers_at_once_leaves_every_balance_the_sum_of_its_entries", HISTORIES),
    "C15": ("test_a_payment_is_listed_the_moment_it_was_started",),
    "C16": ("test_workers_killed_in_the_middle_lose_nothing_that_was_acknowledged",),
    **{f"F{number}": (CRASHES,) for number in (1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15, 17)},
    "F3": (CRASHES, "test_a_transaction_that_meets_others_is_tried_again_and_credits_once"),
    "F6": ("test_contention_without_end_is_unavailable_and_writes_nothing",),
    "F8": ("test_a_request_token_replays_for_ten_minutes_and_then_no_more", HISTORIES),
    "F10": (HISTORIES,),
    "F16": ("test_a_gateway_that_hangs_is_given_up_in_time",),
    "F19": ("test_every_call_has_timeouts_current_roots_and_no_redirects",),
    "F20": ("test_an_answer_beyond_the_cap_is_not_read",),
    "F21": ("test_an_upload_that_is_gone_before_its_event_is_no_error",),
    "F22": ("test_a_fault_of_s3_that_passes_is_outlived_by_the_retry", CRASHES),
    "F23": ("test_a_fault_that_stays_ends_in_the_on_failure_queue_and_the_photo_is_given_up",),
    "F25": ("test_a_table_that_does_not_answer_in_time_is_unavailable_whatever_was_asked",),
    "F27": (HISTORIES,),
    "F29": (HISTORIES, CRASHES),
    "F30": ("test_the_reconciler_settles_what_no_webhook_told_and_asks_no_more", HISTORIES),
    "F31": ("test_one_order_that_cannot_be_asked_about_does_not_hold_up_the_others",),
    "F32": ("test_late_news_never_takes_a_captured_payment_back",),
    "F34": (HISTORIES, MODEL),
    "W1": (CRASHES,),
    "W2": ("test_a_webhook_without_a_good_signature_is_refused",),
    "W3": ("test_a_webhook_signed_with_no_secret_of_ours_is_not_authenticated",),
    "W4": ("test_an_odd_signature_is_wrong_and_no_error",),
    "W5": ("test_a_webhook_is_checked_over_its_raw_bytes_with_every_secret",),
    "W6": ("test_a_signed_body_of_any_shape_is_survived",),
    "W7": ("test_one_body_under_ten_event_ids_credits_once",),
    "W8": ("test_one_event_id_over_two_bodies_settles_both",),
    "W9": ("test_a_payment_that_fails_at_first_is_credited_when_the_bank_agrees_late",),
    "W10": ("test_late_news_never_takes_a_captured_payment_back",),
    "W11": ("test_a_tampered_webhook_is_refused_and_an_old_secret_is_still_good",),
    "W12": ("test_the_webhooks_secret_is_changed_without_refusing_one",),
    "W13": ("test_events_of_no_concern_are_ignored",),
    "W14": ("test_events_of_no_concern_are_ignored",),
    "W15": ("test_an_envelope_of_any_shape_is_acknowledged",),
    "W16": ("test_the_time_that_an_event_says_has_no_influence",),
    "W17": ("test_a_forged_webhook_makes_no_call_at_all",),
    "W18": ("test_a_function_ends_before_whoever_waits_for_it_gives_up", CRASHES),
    "W19": ("test_a_webhook_is_checked_over_its_raw_bytes_with_every_secret",),
    "I1": ("test_a_form_names_exactly_what_may_be_uploaded",),
    "I2": ("test_a_size_out_of_the_range_is_refused_and_its_ends_are_taken",),
    "I3": ("test_a_form_that_was_changed_is_refused", "test_a_form_that_is_over_is_refused"),
    "I4": ("test_a_form_used_again_stores_a_second_version_and_changes_nothing",),
    "I5": (NASTY,),
    "I6": (NASTY,),
    "I7": (NASTY,),
    "I8": (NASTY,),
    "I9": ("test_every_nasty_file_ends_ready_or_rejected_with_a_code",),
    "I10": ("test_not_a_byte_of_metadata_is_left",),
    "I11": ("test_other_modes_look_as_they_did", "test_sixteen_bits_are_scaled_and_not_clipped"),
    "I12": ("test_a_picture_is_never_enlarged_and_keeps_its_shape", "test_not_a_byte_of_metadata_is_left"),
    "I13": ("test_an_event_that_tells_of_no_upload_is_ignored",),
    "I14": ("test_the_first_version_counts_though_the_event_of_a_later_one_comes_first", "one upload told twice"),
    "I15": ("test_links_last_five_minutes_and_tell_the_browser_what_it_gets",),
    "I16": ("test_a_photo_that_was_never_uploaded_expires_after_two_hours",),
    "I17": ("test_five_thousand_mutated_files_end_ready_or_rejected",),
    "P1": ("pytest_runtest_makereport", "check_canaries", HISTORIES),
    "P2": ("test_the_log_line_names_no_customer_data", "test_a_request_that_went_well_is_one_line_without_its_steps"),
    "P3": ("test_anything_else_is_a_500_that_tells_nothing",),
    "P4": ("test_an_outcome_that_is_not_known_is_unavailable_and_nothing_is_printed",),
    "P5": ("test_the_steps_of_one_request_are_not_told_by_the_next",),
    "P6": ("test_every_metric_has_the_one_dimension_that_does_not_grow",),
    "P7": ("check_canaries", HISTORIES),
    "P9": ("test_nothing_that_lets_anyone_upload_or_look_reached_the_log",),
    "T1": ("test_every_route_but_the_webhook_stands_behind_the_authorizer",),
    "T2": ("test_every_route_but_the_webhook_stands_behind_the_authorizer",),
    "T3": ("test_a_role_has_exact_actions_on_exact_resources",),
    "T4": ("test_a_role_touches_photos_as_the_matrix_says_and_nothing_else",),
    "T5": ("test_a_secret_holds_no_value_in_the_template",),
    "T6": ("test_a_table_is_encrypted_and_can_be_restored", "test_what_holds_data_outlives_the_stack"),
    "T7": ("test_the_compressor_is_called_for_uploads_and_writes_where_nothing_calls_it",),
    "T8": ("test_what_an_asynchronous_call_cannot_do_is_kept",),
    "T9": ("test_a_ceiling_stands_where_too_many_calls_would_hurt",),
    "T10": ("test_logs_are_encrypted_and_kept_for_half_a_year_at_least",),
    "T11": ("test_nothing_that_would_log_bodies_or_tokens_is_switched_on",),
    "T13": ("test_cfn_lint_has_nothing_to_say",),
    "T14": ("test_all_is_built_for_the_one_runtime",),
    "T15": ("test_a_queue_is_encrypted_and_keeps_what_it_has_for_two_weeks",),
    "T16": ("test_nothing_that_is_looked_at_stays_empty",),
    "T17": ("test_shipped_code_calls_nothing_that_runs_text_or_rounds_money",),
}

# Case to the reason why no test asks it.
NOT_HERE: dict[str, str] = {
    "V17": "no request takes a currency; that of the gateway's payment is compared (M5)",
    "A20": "times differ by more than what is looked for on a shared machine; both answers make the same one read",
    "D1": "the contract: the first method saved is not the default by itself",
    "D5": "the contract: the same VPA twice is two methods, as Django had it",
    "F12": "no order is looked up by receipt: one that was not told of cannot be paid (I10)",
    "F14": "the world ends a function at its timeout wherever it is, which is the harder case",
    "F18": "the amounts that the API takes are those that the gateway takes",
    "F24": "no function writes to the disk",
    "F26": "no table has a time to live: nothing expires",
    "F28": "restoring a table is AWS's; what was lost is found by the reconciler as in F30, or by the auditors",
    "F33": "Lambda's log service is not here to be slowed down",
    "P8": "there is no erasing of an account yet",
    "T12": "the region is samconfig's, whose parameters a test reads, and not a parameter of the template",
}


def test_every_case_of_the_catalogue_is_asked_covered_or_explained() -> None:
    wanted = {f"{group}{number}" for group, count in COUNTS.items() for number in range(1, count + 1)}
    asked = {case for case, *_ in REQUESTS}
    assert asked | set(COVERED) | set(NOT_HERE) == wanted
    assert not set(NOT_HERE) & (asked | set(COVERED))
    assert len(wanted) == 193 and len(NOT_HERE) <= 14


def test_what_a_case_names_is_there() -> None:
    names = {*MEETINGS}
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                names.add(node.targets[0].id)
    missing = {name for tests in COVERED.values() for name in tests} - names
    assert not missing


# --- the cases that are a request and its answer

pytestmark = pytest.mark.usefixtures("on_stage")


@pytest.fixture
def world() -> World:
    made = World("cases")
    STAGE.warm()
    made.customer()
    return made


def own(world: World) -> dict[str, str]:
    """What the customer of the requests has."""
    customer = world.customers[0]
    payment = funded(world, customer)
    method = world.call(customer, "POST", METHODS, {"type": "upi", "upi_id": customer.vpa}).body
    return {"payment": payment["id"], "method": method["id"]}


@pytest.mark.parametrize(("case", "method", "path", "body", "status"), REQUESTS)
def test_a_request_of_the_catalogue_is_answered_as_the_contract_says(
    case: str, method: str, path: str, body: Any, status: int, world: World
) -> None:
    for name, value in own(world).items():
        path = path.replace(f"{{{name}}}", value)
    before, calls = _money(world), len(world.gateway.orders)
    raw = body if isinstance(body, str) or body is None else json.dumps(body)
    headers = {"Content-Type": "application/json", "Host": "api.test"}
    reply = world.request(method, path, raw, headers, world.customers[0])
    assert reply.status == status, (case, reply)
    assert _money(world) == before
    if status >= 400:
        assert len(world.gateway.orders) == calls
    assert violations(world) == []


def _money(world: World) -> list[dict[str, Any]]:
    return world.rows("WalletEntriesTable")


# --- those that are a little more


def test_a_customer_who_shows_anothers_genuine_triple_is_told_that_nothing_is_there(world: World) -> None:
    owner, thief = world.customers[0], world.customer()
    payment = started_top_up(world, owner)
    paid = world.pay(payment["gateway_order_id"])
    assert world.call(thief, "POST", f"{SPEND}{payment['id']}/verify/", paid).status == 404
    assert world.entries(thief) == [] and world.balance_paise(owner) == 0


def test_fields_that_are_not_the_apps_to_set_are_left_out(world: World) -> None:
    customer, another = world.customers[0], world.customer()
    odd = {"id": "0" * 32, "customer": another.id, "is_active": False, "created_at": "1970-01-01T00:00:00Z"}
    made = world.call(customer, "POST", METHODS, {"type": "upi", "upi_id": customer.vpa, **odd}).body
    assert made["is_active"] is True and made["created_at"] > "2026" and made["id"].replace("-", "") != "0" * 32
    assert world.call(another, "GET", METHODS).body["count"] == 0


def test_a_spoofed_header_changes_nothing(world: World) -> None:
    customer, another = world.customers[0], world.customer()
    funded(world, another)
    headers = {"Host": "evil.test", "X-Forwarded-For": "1.1.1.1", "X-User-Id": another.id, "Sub": another.id}
    reply = world.request("GET", f"{API}/wallets/", None, headers, customer)
    assert reply.status == 200 and reply.body["results"][0]["balance"] == "0.00"


def test_a_thousand_requests_of_three_in_turn_do_not_bleed(world: World) -> None:
    people = [world.customers[0], world.customer(), world.customer()]
    for place, person in enumerate(people):
        body = {"type": "upi", "upi_id": person.vpa, "nickname": person.name}
        assert world.call(person, "POST", METHODS, body).status == 201 and place < 3
    for number in range(999):
        person = people[number % 3]
        shown = world.call(person, "GET", METHODS).body["results"]
        assert [one["nickname"] for one in shown] == [person.name]
    assert violations(world) == []


def test_ten_looks_at_a_wallet_open_it_once(world: World) -> None:
    customer = world.customers[0]
    shown = [world.call(customer, "GET", f"{API}/wallets/").body["results"] for _ in range(10)]
    assert all(one == shown[0] for one in shown) and len(world.entries(customer)) == 1
    assert (shown[0][0]["balance"], shown[0][0]["cashback"], shown[0][0]["currency"]) == ("0.00", 0.0, "INR")


def test_a_payment_is_listed_the_moment_it_was_started(world: World) -> None:
    world.wire.pick = lambda call: "stale" if call.operation == "Query" else None
    payment = started_top_up(world, world.customers[0])
    shown = world.call(world.customers[0], "GET", SPEND).body["results"]
    assert [one["id"] for one in shown] == [payment["id"]]


def test_a_gateway_that_answers_with_another_payment_is_not_believed(world: World) -> None:
    customer = world.customers[0]
    payment = started_top_up(world, customer)
    paid = world.pay(payment["gateway_order_id"])
    told = world.gateway.payments[paid["razorpay_payment_id"]]
    world.gateway.payments[told["id"]] = told | {"id": "pay_00000000009999"}
    assert world.call(customer, "POST", f"{SPEND}{payment['id']}/verify/", paid).status == 503
    assert world.balance_paise(customer) == 0


def _delivered(world: World, told: dict[str, Any], event_id: str) -> Reply:
    body = json.dumps(told)
    signature = world.gateway.sign(world.gateway.webhook_secret, body.encode())
    headers = {"X-Razorpay-Signature": signature, "x-razorpay-event-id": event_id}
    return world.request("POST", f"{API}/webhooks/razorpay/", body, headers, None)


def _captured(world: World, customer: Customer) -> dict[str, Any]:
    world.pay(started_top_up(world, customer)["gateway_order_id"])
    events = [one for one in world.gateway.events.values() if one["event"] == "payment.captured"]
    return dict(json.loads(events[-1]["body"]))


def test_one_body_under_ten_event_ids_credits_once(world: World) -> None:
    told = _captured(world, world.customers[0])
    assert {_delivered(world, told, f"evt{number}").status for number in range(10)} == {200}
    assert world.balance_paise(world.customers[0]) == 50_000


def test_one_event_id_over_two_bodies_settles_both(world: World) -> None:
    first, second = _captured(world, world.customers[0]), _captured(world, world.customers[0])
    assert {_delivered(world, told, "evt").status for told in (first, second)} == {200}
    assert world.balance_paise(world.customers[0]) == 100_000


@pytest.mark.parametrize("created_at", [0, 10**11, -1, "now", None])
def test_the_time_that_an_event_says_has_no_influence(created_at: Any, world: World) -> None:
    told = _captured(world, world.customers[0]) | {"created_at": created_at}
    assert _delivered(world, told, "evt").status == 200
    assert world.balance_paise(world.customers[0]) == 50_000


def test_a_forged_webhook_makes_no_call_at_all(world: World) -> None:
    told = json.dumps(_captured(world, world.customers[0]))
    world.wire.arm({})
    for signature in ("", "0" * 64, "x" * 10_000):
        headers = {"X-Razorpay-Signature": signature}
        assert world.request("POST", f"{API}/webhooks/razorpay/", told, headers, None).status == 401
    assert world.wire.calls == []
