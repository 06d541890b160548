"""Every error of the API: its status and code, whether the request may be sent again, and its texts.

docs/api.md and openapi.json show this table. Only a response in Hindi and the documents import it. In the texts `{}`
stands for a value, such as an amount. English texts are those that the code raises; a test compares the two.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Retry = Literal["no", "same", "new_key", "sign_in"]

RETRIES: Mapping[Retry, str] = {
    "no": "no",
    "same": "yes, unchanged",
    "new_key": "with a new key",
    "sign_in": "after signing in",
}


class ErrorRow(NamedTuple):
    """One status and code. `texts` has the Hindi text of each English one; the first is the usual one."""

    status: int
    code: str
    retry: Retry
    meaning: str
    texts: Mapping[str, str]


KEY_REUSED = {
    "This Idempotency-Key was already used with a different {}.": (
        "यही Idempotency-Key पहले किसी और {} के साथ इस्तेमाल हो चुकी है।"
    ),
}
WAIT = "बहुत ज़्यादा अनुरोध आए हैं। {} सेकंड बाद फिर कोशिश करें।"
TRY_AGAIN = {
    "The service is temporarily unavailable. Please try again.": "सेवा अभी उपलब्ध नहीं है। कृपया फिर कोशिश करें।",
}
SERVER_ERROR = {"A server error occurred.": "सर्वर में कोई गड़बड़ी हुई। कृपया फिर कोशिश करें।"}
SPENT = {"The wallet no longer holds this amount.": "वॉलेट में अब इतनी राशि नहीं है।"}
DECIDED = {"This proposal is already decided.": "इस प्रस्ताव पर फ़ैसला हो चुका है।"}

CATALOGUE: tuple[ErrorRow, ...] = (
    ErrorRow(
        400, "invalid", "no", "bad fields; the body has the texts of each", {"Invalid input.": "जानकारी सही नहीं है।"}
    ),
    ErrorRow(
        400,
        "parse_error",
        "no",
        "the body cannot be read",
        {
            "Malformed request.": "अनुरोध पढ़ा नहीं जा सका।",
            "JSON parse error - {}": "अनुरोध का JSON पढ़ा नहीं जा सका।",
            "Multipart form parse error - {}": "भेजा गया फ़ॉर्म पढ़ा नहीं जा सका।",
        },
    ),
    ErrorRow(
        400,
        "signature_invalid",
        "no",
        "Razorpay did not make this checkout signature",
        {"The payment signature is not valid.": "भुगतान का हस्ताक्षर सही नहीं है।"},
    ),
    ErrorRow(
        400,
        "insufficient_funds",
        "new_key",
        "the wallet balance is too low; final for this key",
        {"The wallet balance is too low for this payment.": "इस भुगतान के लिए वॉलेट में पर्याप्त राशि नहीं है।"},
    ),
    ErrorRow(
        400,
        "error",
        "no",
        "API Gateway cannot serve the request",
        {"The request cannot be served.": "यह अनुरोध पूरा नहीं किया जा सकता।"},
    ),
    ErrorRow(
        401,
        "not_authenticated",
        "sign_in",
        "no bearer token, or a webhook without a valid signature",
        {"Authentication credentials were not provided.": "कृपया पहले साइन इन करें।"},
    ),
    ErrorRow(
        401,
        "token_invalid",
        "sign_in",
        "the bearer token is not valid",
        {"The access token is not valid.": "आपका साइन-इन मान्य नहीं है। कृपया फिर साइन इन करें।"},
    ),
    ErrorRow(
        401,
        "token_expired",
        "sign_in",
        "the bearer token has expired",
        {"The access token has expired.": "आपके साइन-इन का समय समाप्त हो गया है। कृपया फिर साइन इन करें।"},
    ),
    ErrorRow(
        403,
        "wallet_blocked",
        "no",
        "staff blocked the wallet: it takes no payment and no top-up",
        {"This wallet is blocked. Please contact support.": "यह वॉलेट रोक दिया गया है। कृपया सहायता केंद्र से संपर्क करें।"},
    ),
    ErrorRow(
        403,
        "permission_denied",
        "no",
        "the caller may not do this; for staff, a group is missing",
        {"You do not have permission to perform this action.": "आपको यह करने की अनुमति नहीं है।"},
    ),
    ErrorRow(
        403,
        "refund_not_allowed",
        "no",
        "customers may not ask for this refund; support can",
        {
            "This payment cannot be refunded in the app. Please contact support.": (
                "यह भुगतान ऐप में वापस नहीं किया जा सकता। कृपया सहायता केंद्र से संपर्क करें।"
            )
        },
    ),
    ErrorRow(
        403,
        "own_proposal",
        "no",
        "who made a proposal does not decide about it",
        {"Somebody else has to decide about this proposal.": "इस प्रस्ताव पर फ़ैसला किसी और को करना होगा।"},
    ),
    ErrorRow(
        404,
        "not_found",
        "no",
        "missing, or another customer's: the two look the same",
        {
            "Not found.": "नहीं मिला।",
            "No {} matches the given query.": "ऐसा कुछ नहीं मिला।",
            "Invalid page.": "यह पृष्ठ नहीं है।",
        },
    ),
    ErrorRow(
        409,
        "conflict",
        "no",
        "refused in the current state",
        {"The request conflicts with what is stored.": "अभी यह नहीं किया जा सकता।"},
    ),
    ErrorRow(
        409,
        "gateway_refused",
        "no",
        "Razorpay refused. This is final. The webhook or the reconciler reports the outcome",
        {
            "The payment provider declined to start this payment.": "भुगतान सेवा ने यह भुगतान शुरू करने से मना कर दिया।",
            "We could not confirm this payment with the payment provider. Its status will update automatically.": (
                "भुगतान सेवा से इस भुगतान की पुष्टि नहीं हो सकी। इसकी स्थिति अपने आप अपडेट हो जाएगी।"
            ),
            "Razorpay refused.": "Razorpay ने मना कर दिया।",
        },
    ),
    ErrorRow(
        409,
        "refund_limit",
        "no",
        "more than is left of the payment to refund, with the amount in the text; or less than Razorpay refunds",
        {
            "{} of this payment can be refunded.": "इस भुगतान में से ₹{} ही वापस किए जा सकते हैं।",
            "Razorpay refunds at least 1.00.": "Razorpay कम से कम ₹1.00 वापस करता है।",
        },
    ),
    ErrorRow(
        409,
        "insufficient_funds",
        "no",
        "a refund of a top-up whose money is spent, or an adjustment that takes more than there is",
        SPENT,
    ),
    ErrorRow(
        409,
        "wallet_limit",
        "no",
        "the top-up would exceed the wallet limit, with what the wallet holds and what is open",
        {"This top-up would exceed the wallet limit of {}.": "इस राशि को जोड़ने से वॉलेट की ₹{} की सीमा पार हो जाएगी।"},
    ),
    ErrorRow(
        409,
        "idempotency_key_reused",
        "no",
        "the key was used with a different body; the text names the fields",
        KEY_REUSED,
    ),
    ErrorRow(
        409,
        "too_many_methods",
        "no",
        "the customer has 100 saved methods",
        {"No more than {} payment methods can be saved.": "{} से ज़्यादा भुगतान के तरीके सेव नहीं किए जा सकते।"},
    ),
    ErrorRow(
        409,
        "too_many_photos",
        "no",
        "the customer has 2,000 photos; deleted ones do not count",
        {"No more than {} photos can be kept.": "{} से ज़्यादा फ़ोटो नहीं रखी जा सकतीं।"},
    ),
    ErrorRow(
        409,
        "too_many_refunds",
        "no",
        "the payment has 100 refunds, failed and cancelled ones included",
        {"No more than {} refunds of one payment can be made.": "एक भुगतान के {} से ज़्यादा रिफ़ंड नहीं हो सकते।"},
    ),
    ErrorRow(
        409,
        "refund_not_cancellable",
        "no",
        "the refund was sent to Razorpay already",
        {"This refund can no longer be cancelled.": "यह रिफ़ंड अब रद्द नहीं किया जा सकता।"},
    ),
    ErrorRow(
        409,
        "owed_less",
        "no",
        "a waiver of more than the wallet owes",
        {"This wallet owes {}.": "इस वॉलेट पर ₹{} बकाया हैं।"},
    ),
    ErrorRow(
        409,
        "already_resolved",
        "no",
        "the review has ended",
        {"This review is already resolved.": "इस समीक्षा का समाधान हो चुका है।"},
    ),
    ErrorRow(
        409,
        "has_saved_cards",
        "no",
        "the claim cannot be released while the customer has saved cards",
        {
            "This customer has saved cards. They have to delete them first.": (
                "इस ग्राहक के कार्ड सेव हैं। पहले उन्हें हटाना होगा।"
            )
        },
    ),
    ErrorRow(
        409,
        "wallet_not_opened",
        "no",
        "no wallet was opened under this id",
        {
            "No wallet was opened under this id. To block one that was never opened, name its customer.": (
                "इस आईडी पर कोई वॉलेट नहीं खुला है। जो वॉलेट कभी नहीं खुला उसे ब्लॉक करने के लिए उसके ग्राहक का नाम दें।"
            ),
        },
    ),
    ErrorRow(
        409,
        "already_replayed",
        "no",
        "the webhook was replayed",
        {"This webhook was replayed already.": "यह वेबहुक दोबारा चलाया जा चुका है।"},
    ),
    ErrorRow(
        409,
        "still_unusable",
        "no",
        "the webhook cannot be used yet; the text says why",
        {"This webhook still cannot be used: {}.": "यह वेबहुक अब भी इस्तेमाल नहीं किया जा सकता: {}"},
    ),
    ErrorRow(
        409,
        "action_begun",
        "no",
        "another action about this review broke off; do that one again first",
        {"Somebody began to {} here. Do that again first.": "यहाँ {} शुरू किया जा चुका है। पहले उसे दोबारा करें।"},
    ),
    ErrorRow(
        409,
        "still_unclear",
        "no",
        "Razorpay says the same as before",
        {"What Razorpay says is still not clear.": "Razorpay का जवाब अब भी साफ़ नहीं है।"},
    ),
    ErrorRow(
        409,
        "not_captured",
        "no",
        "the attempt was not captured, so there is nothing to credit or to send back",
        {"This attempt was not captured.": "इस कोशिश का पैसा नहीं लिया गया था।"},
    ),
    ErrorRow(
        409,
        "attempt_credited",
        "no",
        "the attempt pays the payment: refund the payment",
        {"This attempt was credited. Refund the payment.": "इस कोशिश का पैसा जमा हो चुका है। भुगतान का रिफ़ंड करें।"},
    ),
    ErrorRow(
        409,
        "not_acceptable",
        "no",
        "another attempt pays the payment",
        {"This payment cannot be credited with this attempt.": "यह पैसा इस भुगतान में जमा नहीं किया जा सकता।"},
    ),
    ErrorRow(
        409,
        "amount_changed",
        "no",
        "the action would now move another amount than was decided; look at it and ask again",
        {"The amount has changed. Ask for this again.": "राशि बदल गई है। यह अनुरोध दोबारा करें।"},
    ),
    ErrorRow(
        409,
        "attempt_not_refunded",
        "no",
        "the refund of the attempt failed; refund it in the dashboard, which ends the review",
        {"Razorpay could not refund this attempt.": "Razorpay इस कोशिश का पैसा वापस नहीं कर सका।"},
    ),
    ErrorRow(409, "already_decided", "no", "somebody decided about the proposal already", DECIDED),
    ErrorRow(
        409,
        "proposal_lapsed",
        "no",
        "nobody decided about the proposal within 72 hours",
        {"This proposal has lapsed.": "इस प्रस्ताव की समय-सीमा बीत चुकी है।"},
    ),
    ErrorRow(
        413,
        "too_large",
        "no",
        "the body is over the limit",
        {
            "The request body is too large.": "भेजा गया अनुरोध बहुत बड़ा है।",
            "The request body is too large. Photos above 4 MiB need a presigned upload: POST their content_type as "
            "JSON.": "यह फ़ोटो बहुत बड़ी है। कृपया छोटी फ़ोटो भेजें।",
            "The photo is too large to upload. Please send a smaller one.": "यह फ़ोटो बहुत बड़ी है। कृपया छोटी फ़ोटो भेजें।",
        },
    ),
    ErrorRow(
        415,
        "unsupported_media_type",
        "no",
        "the body is not JSON",
        {'Unsupported media type "{}" in request.': 'अनुरोध का प्रकार "{}" मान्य नहीं है।'},
    ),
    ErrorRow(
        429,
        "throttled",
        "same",
        "too many requests, or too many pending uploads",
        {
            "Request was throttled. Expected available in {} seconds.": WAIT,
            "Request was throttled. Expected available in {} second.": WAIT,
        },
    ),
    ErrorRow(
        429,
        "limit_reached",
        "same",
        "a limit on payments is reached; the code is usually one of the next three",
        {"A limit is reached.": "सीमा पूरी हो चुकी है।"},
    ),
    ErrorRow(
        429,
        "open_payments",
        "same",
        "the customer has too many payments open; each counts until it ends, half an hour at most",
        {"Too many payments are open at once.": "एक साथ बहुत सारे भुगतान अधूरे हैं। कुछ देर बाद कोशिश करें।"},
    ),
    ErrorRow(
        429,
        "starts_per_hour",
        "same",
        "the customer started too many payments within an hour",
        {"Too many payments were started within an hour.": "एक घंटे में बहुत सारे भुगतान शुरू हुए हैं। बाद में कोशिश करें।"},
    ),
    ErrorRow(
        429,
        "failures_per_day",
        "same",
        "too many of the customer's payments failed within a day",
        {"Too many payments failed within a day.": "एक दिन में बहुत सारे भुगतान असफल हुए हैं। बाद में कोशिश करें।"},
    ),
    ErrorRow(
        429,
        "methods_per_day",
        "same",
        "the customer saved too many payment methods within a day",
        {"Too many payment methods were saved within a day.": "एक दिन में बहुत सारे तरीके सेव हुए हैं। बाद में कोशिश करें।"},
    ),
    ErrorRow(
        429,
        "uploads_per_day",
        "same",
        "the customer started too many photos within a day",
        {"Too many photos were uploaded within a day.": "एक दिन में बहुत सारी फ़ोटो भेजी गई हैं। बाद में कोशिश करें।"},
    ),
    ErrorRow(500, "error", "same", "an unexpected error; it raises an alarm", SERVER_ERROR),
    ErrorRow(503, "unavailable", "same", "a dependency is unavailable; keep the customer signed in", TRY_AGAIN),
    ErrorRow(
        504,
        "unavailable",
        "same",
        "the function took too long",
        {"Endpoint request timed out.": "जवाब आने में बहुत देर लगी। कृपया फिर कोशिश करें।"},
    ),
)
