/* Every text of the phone page, in English and Hindi, and how amounts and times are written. */
const TEXTS = {
  customer: ["Customer", "ग्राहक"],
  wallet: ["Wallet", "वॉलेट"],
  pay: ["Pay", "भुगतान"],
  methods: ["Methods", "तरीके"],
  photos: ["Photos", "फ़ोटो"],
  screens: ["Screens", "स्क्रीन"],
  console: ["Console", "कंसोल"],
  docs: ["API docs", "API दस्तावेज़"],
  close: ["Close", "बंद करें"],
  cancel: ["Cancel", "रद्द करें"],
  try_again: ["Try again", "फिर कोशिश करें"],
  save: ["Save", "सहेजें"],
  delete: ["Delete", "हटाएँ"],
  copy: ["Copy", "कॉपी करें"],
  copied: ["Copied.", "कॉपी हो गया।"],
  amount: ["Amount in rupees", "राशि (रुपये)"],
  amounts: ["Amounts", "राशियाँ"],
  status: ["Status", "स्थिति"],
  offline: ["The service cannot be reached. Please try again.", "सेवा से संपर्क नहीं हो पाया। कृपया फिर कोशिश करें।"],

  balance: ["Balance", "शेष राशि"],
  cashback: ["Cashback", "कैशबैक"],
  rewards: ["Rewards", "इनाम"],
  held: ["On hold", "रोकी गई"],
  owed: ["Owed", "बकाया"],
  blocked: ["This wallet is blocked. Please contact support.", "यह वॉलेट बंद है। कृपया सहायता से संपर्क करें।"],
  add_money: ["Add money", "पैसे जोड़ें"],
  add_amount: ["Add {0}", "{0} जोड़ें"],
  may_add: ["You can add up to {0} now.", "आप अभी {0} तक जोड़ सकते हैं।"],
  added: ["{0} is in your wallet.", "{0} आपके वॉलेट में आ गए।"],
  save_card: ["Save the card that I pay with", "जिस कार्ड से भुगतान करूँ, उसे सहेजें"],
  phone_number: ["Phone number", "फ़ोन नंबर"],

  transactions: ["Transactions", "लेन-देन"],
  no_transactions: ["No transactions here yet.", "यहाँ अभी कोई लेन-देन नहीं है।"],
  pages_of_transactions: ["Pages of transactions", "लेन-देन के पृष्ठ"],
  direction: ["Direction", "दिशा"],
  all: ["All", "सभी"],
  money_in: ["In", "आए"],
  money_out: ["Out", "गए"],
  category: ["Category", "श्रेणी"],
  category_: ["All categories", "सभी श्रेणियाँ"],
  category_top_up: ["Top-up", "टॉप-अप"],
  category_payment: ["Payment", "भुगतान"],
  category_refund: ["Refund", "धनवापसी"],
  category_cashback: ["Cashback", "कैशबैक"],
  category_reward: ["Reward", "इनाम"],
  category_expiry: ["Expiry", "समाप्ति"],
  category_dispute: ["Dispute", "विवाद"],
  category_adjustment: ["Adjustment", "समायोजन"],
  period: ["Period", "अवधि"],
  period_: ["Any time", "कभी भी"],
  period_1: ["Today", "आज"],
  period_7: ["Last 7 days", "पिछले 7 दिन"],
  period_30: ["Last 30 days", "पिछले 30 दिन"],
  newer: ["Newer", "नए"],
  older: ["Older", "पुराने"],
  page_of: ["{0} of {1}", "{1} में से {0}"],
  balance_after: ["Balance {0}", "शेष {0}"],
  completed: ["completed", "पूरा"],
  pending: ["pending", "लंबित"],
  failed: ["failed", "विफल"],
  reversed: ["reversed", "उलटा गया"],

  pay_an_order: ["Pay an order", "ऑर्डर का भुगतान"],
  order: ["Order", "ऑर्डर"],
  order_dry: ["Dry cleaning, 3 pieces", "ड्राई क्लीनिंग, 3 कपड़े"],
  order_wash: ["Wash and fold, 5 kg", "धुलाई और तह, 5 किग्रा"],
  order_shoes: ["Shoe cleaning", "जूतों की सफ़ाई"],
  pay_with: ["Pay with", "किससे भुगतान करें"],
  source_wallet: ["Wallet", "वॉलेट"],
  source_wallet_has: ["has {0}", "{0} उपलब्ध"],
  source_gateway: ["UPI, card, netbanking", "UPI, कार्ड, नेटबैंकिंग"],
  source_gateway_detail: ["through Razorpay", "Razorpay के द्वारा"],
  source_card_detail: ["saved card, you confirm at Razorpay", "सहेजा कार्ड, पुष्टि Razorpay पर"],
  pay_amount: ["Pay {0}", "{0} चुकाएँ"],
  paid: ["Paid {0}.", "{0} का भुगतान हुआ।"],
  payments: ["Payments", "भुगतान"],
  no_payments: ["No payments here yet.", "यहाँ अभी कोई भुगतान नहीं है।"],
  pages_of_payments: ["Pages of payments", "भुगतान के पृष्ठ"],
  purpose_top_up: ["Top-up", "टॉप-अप"],
  purpose_payment: ["Payment", "भुगतान"],

  status_: ["Any status", "कोई भी स्थिति"],
  status_created: ["Waiting", "प्रतीक्षा में"],
  status_authorized: ["Reserved", "आरक्षित"],
  status_captured: ["Paid", "भुगतान हुआ"],
  status_partially_refunded: ["Partly refunded", "आंशिक वापसी"],
  status_refunded: ["Refunded", "वापस किया गया"],
  status_failed: ["Failed", "विफल"],
  status_expired: ["Expired", "समय समाप्त"],
  checkout_closed: ["Checkout was closed. Nothing was paid.", "चेकआउट बंद हुआ। कुछ भुगतान नहीं हुआ।"],
  checking: ["Asking Razorpay about the payment…", "Razorpay से भुगतान के बारे में पूछ रहे हैं…"],
  still_pending: ["Your bank has not answered yet. Do not pay again; we keep looking.", "बैंक का उत्तर अभी नहीं आया। फिर से भुगतान न करें; हम देख रहे हैं।"],
  payment_failed: ["The payment failed. {0}", "भुगतान विफल रहा। {0}"],
  being_checked: ["Being looked into", "जाँच में"],
  in_review: ["Support is looking into this payment. You need to do nothing.", "सहायता इस भुगतान को देख रही है। आपको कुछ नहीं करना है।"],
  pay_now: ["Pay now", "अभी भुगतान करें"],
  ask_gateway: ["Check with Razorpay", "Razorpay से पूछें"],
  ask_refund: ["Ask for a refund", "धनवापसी माँगें"],
  refund_asked: ["The refund is requested.", "धनवापसी का अनुरोध हो गया।"],
  credited: ["Credited", "जमा"],
  discount: ["Discount", "छूट"],
  fee: ["Fee", "शुल्क"],
  refunded: ["Refunded", "वापस"],
  refunding: ["Refund on its way", "वापसी जारी"],
  method: ["Method", "तरीका"],
  reference: ["Reference", "संदर्भ"],
  time: ["Time", "समय"],
  saved_card: ["Card", "कार्ड"],
  save_pending: ["will be saved once paid", "भुगतान के बाद सहेजा जाएगा"],
  save_saved: ["saved", "सहेजा गया"],
  save_not_saved: ["not saved", "नहीं सहेजा गया"],
  save_not_available: ["cards cannot be saved", "कार्ड सहेजे नहीं जा सकते"],
  refunds: ["Refunds", "धनवापसी"],
  no_refunds: ["No refunds.", "कोई धनवापसी नहीं।"],
  to_source: ["to where it came from", "जहाँ से आया वहीं"],
  to_wallet: ["to the wallet", "वॉलेट में"],
  expected_by: ["expected by {0}", "{0} तक अपेक्षित"],
  refund_requested: ["Requested", "अनुरोधित"],
  refund_sending: ["Being sent", "भेजा जा रहा है"],
  refund_pending: ["With the bank", "बैंक के पास"],
  refund_processed: ["Done", "पूरा"],
  refund_failed: ["Failed", "विफल"],
  refund_cancelled: ["Cancelled", "रद्द"],
  refund_returned: ["Came back", "लौट आया"],

  saved_methods: ["Saved methods", "सहेजे गए तरीके"],
  no_methods: ["Nothing is saved yet.", "अभी कुछ सहेजा नहीं गया है।"],
  add_method: ["Add a method", "तरीका जोड़ें"],
  kind: ["Kind", "प्रकार"],
  upi: ["UPI", "UPI"],
  card: ["Card", "कार्ड"],
  netbanking: ["Bank", "बैंक"],
  wallet_kind: ["Wallet", "वॉलेट"],
  make_default: ["Make it the default", "इसे डिफ़ॉल्ट बनाएँ"],
  default: ["Default", "डिफ़ॉल्ट"],
  set_default: ["Set as default", "डिफ़ॉल्ट बनाएँ"],
  set_default_of: ["Set as default: {0}", "डिफ़ॉल्ट बनाएँ: {0}"],
  delete_of: ["Delete {0}", "{0} हटाएँ"],
  method_saved: ["Saved.", "सहेजा गया।"],
  method_deleted: ["Deleted.", "हटाया गया।"],
  kept_by_razorpay: ["kept by Razorpay, {0}", "Razorpay के पास, {0}"],
  upi_id: ["UPI id", "UPI आईडी"],
  card_last4: ["Last four digits", "अंतिम चार अंक"],
  card_brand: ["Brand", "ब्रांड"],
  bank_name: ["Bank's name", "बैंक का नाम"],
  wallet_provider: ["Wallet's name", "वॉलेट का नाम"],
  wallet_number: ["Wallet's phone number", "वॉलेट का फ़ोन नंबर"],
  nickname: ["Nickname", "उपनाम"],

  choose_photo: ["Take or choose a photo", "फ़ोटो लें या चुनें"],
  upload_progress: ["Progress of the upload", "अपलोड की प्रगति"],
  preparing: ["Preparing…", "तैयारी…"],
  uploading: ["Uploading, {0} % of {1}", "अपलोड, {1} का {0} %"],
  processing: ["Uploaded. Processing, {0} %", "अपलोड हुआ। प्रक्रिया, {0} %"],
  photo_ready: ["Ready: {0} instead of {1}.", "तैयार: {1} के बजाय {0}।"],
  upload_lost: ["The connection was lost. Nothing is uploaded.", "संपर्क टूट गया। कुछ अपलोड नहीं हुआ।"],
  upload_cancelled: ["Cancelled.", "रद्द किया गया।"],
  upload_refused: ["The upload was refused ({0}).", "अपलोड अस्वीकृत ({0})।"],
  before: ["Before", "पहले"],
  after: ["After", "बाद"],
  compare_slider: ["How much of the photo before shows", "पहले वाली फ़ोटो कितनी दिखे"],
  compare_facts: ["Before: {0}. After: {1}, without location and other metadata.", "पहले: {0}। बाद: {1}, स्थान और मेटाडेटा के बिना।"],
  stored_photo: ["The stored photo", "सहेजी गई फ़ोटो"],
  selected_photo: ["The selected photo", "चुनी गई फ़ोटो"],
  photo_of: ["Photo of {0}", "{0} की फ़ोटो"],
  no_photos: ["No photos yet.", "अभी कोई फ़ोटो नहीं।"],
  photo_awaiting_upload: ["not uploaded", "अपलोड नहीं हुई"],
  photo_processing: ["processing", "प्रक्रिया में"],
  photo_ready_short: ["ready", "तैयार"],
  photo_rejected: ["rejected", "अस्वीकृत"],
  photo_expired: ["expired", "समय समाप्त"],

  what_happened: ["What happened", "क्या हुआ"],
  requests: ["Requests", "अनुरोध"],
  webhooks: ["Webhooks", "वेबहुक"],
  entries: ["Entries", "प्रविष्टियाँ"],
  no_requests: ["Each request of the page appears here, as a curl command.", "पृष्ठ का हर अनुरोध यहाँ curl आदेश के रूप में दिखेगा।"],
  no_webhooks: ["Razorpay's webhooks appear here as they are delivered.", "Razorpay के वेबहुक पहुँचते ही यहाँ दिखेंगे।"],
  no_entries: ["The wallet's entries appear here. Each contains the hash of the one before.", "वॉलेट की प्रविष्टियाँ यहाँ दिखेंगी। हर एक में पिछली का हैश है।"],
  copy_curl: ["Copy the curl command", "curl आदेश कॉपी करें"],
  response: ["Response", "उत्तर"],
  held_back: ["held back", "रोका गया"],
  attempts: ["deliveries: {0}", "प्रयास: {0}"],
  cash: ["cash {0}", "नकद {0}"],
}
const LANGUAGES = ["en", "hi"]

let language = LANGUAGES.includes(localStorage.language) ? localStorage.language : "en"

export const currentLanguage = () => language

export function switchLanguage() {
  language = language === "en" ? "hi" : "en"
  localStorage.language = language
}

/** The text in the current language; `{0}`, `{1}` stand for the values. */
export function t(key, ...values) {
  const text = TEXTS[key]?.[LANGUAGES.indexOf(language)] ?? key.replaceAll("_", " ")
  return text.replace(/\{(\d)\}/g, (_, index) => values[index] ?? "")
}

const locale = () => (language === "hi" ? "hi-IN-u-nu-latn" : "en-IN")

/** Rupees as the API writes them, in lakhs and crores. */
export const money = amount => new Intl.NumberFormat(locale(), {style: "currency", currency: "INR"}).format(amount ?? 0)
export const moneyOfPaise = paise => money(paise / 100)
const SHORT = {day: "numeric", month: "short", hour: "numeric", minute: "2-digit", timeZone: "Asia/Kolkata"}

/** Date and time in India; the year only if it is another than this one. */
export function time(text) {
  const when = new Date(text), isOld = when.getFullYear() !== new Date().getFullYear()
  return new Intl.DateTimeFormat(locale(), {...SHORT, ...(isOld && {year: "numeric"})}).format(when)
}
export const day = text => new Intl.DateTimeFormat(locale(), {dateStyle: "medium", timeZone: "Asia/Kolkata"}).format(new Date(text))

export function size(bytes) {
  if (bytes < 1e3) return `${bytes} B`
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(bytes < 1e4 ? 1 : 0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}

/** The keys that lack a text in one of the languages, or whose values differ between them. */
export const missing = () => Object.entries(TEXTS).filter(([, texts]) => {
  const values = texts.map(text => (text.match(/\{\d\}/g) ?? []).sort().join())
  return texts.length !== LANGUAGES.length || texts.some(text => !text) || new Set(values).size > 1
}).map(([key]) => key)

/** Fill the texts of the page's own markup. */
export function fillTexts() {
  document.documentElement.lang = language
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text)
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label))
}
