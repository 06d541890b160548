/* Paying an order, the list of payments, and one payment with its refunds. */
import {call, get, newKey} from "./api.js"
import {payAtCheckout, settle} from "./checkout.js"
import {at, badge, busy, element, icon, ICONS, pager, showErrors, toast} from "./dom.js"
import {nameOf} from "./methods.js"
import {day, money, t, time} from "./texts.js"
import {currentWallet, showWallet} from "./wallet.js"

const ORDERS = [["order_dry", "340.00", "DC-1042"], ["order_wash", "275.00", "WF-2210"], ["order_shoes", "499.00", "SC-0871"]]
const STATUSES = ["", "created", "authorized", "captured", "partially_refunded", "refunded", "failed", "expired"]
export const TONES = {captured: "good", processed: "good", failed: "bad", returned: "bad", expired: "", cancelled: ""}
const tone = status => TONES[status] ?? "wait"

let methods = []
let key = newKey()
let refresh = async () => {}

export const onPaid = listener => { refresh = listener }

/* --- pay an order */

const chosen = name => document.querySelector(`input[name=${name}]:checked`)

function choice(name, value, picture, title, detail, checked) {
  return element("label", {}, element("input", {type: "radio", name, value, checked}), icon(picture),
    element("span", {}, element("b", {textContent: title}), element("small", {className: "numbers", textContent: detail})))
}

/** The sources that the customer can choose: the wallet, cards that Razorpay keeps, or checkout. */
export function showSources(saved = methods) {
  methods = saved
  const before = chosen("source")?.value ?? "wallet"
  const cards = methods.filter(({type, status}) => type === "card" && status === "active")
  const values = ["wallet", ...cards.map(({id}) => id), "gateway"]
  const value = values.includes(before) ? before : "wallet"
  at("sources").replaceChildren(
    choice("source", "wallet", ICONS.wallet, t("source_wallet"), t("source_wallet_has", money(currentWallet()?.balance)), value === "wallet"),
    ...cards.map(card => choice("source", card.id, ICONS.card, nameOf(card), t("source_card_detail"), value === card.id)),
    choice("source", "gateway", ICONS.upi, t("source_gateway"), t("source_gateway_detail"), value === "gateway"),
  )
  changed()
}

function changed() {
  key = newKey() // another order is another payment
  at("save-block").hidden = chosen("source")?.value !== "gateway"
  at("contact-block").hidden = !at("pay-save").checked
  at("pay-send").textContent = t("pay_amount", money(Number(at("pay-amount").value) || 0))
}

function showOrders() {
  const before = chosen("order")?.value ?? ORDERS[0][0]
  at("orders").replaceChildren(...ORDERS.map(([name, amount]) => element("label", {},
    element("input", {type: "radio", name: "order", value: name, checked: name === before}),
    element("span", {}, element("b", {textContent: t(name)}), element("small", {className: "numbers", textContent: money(amount)})))))
}

async function pay() {
  const source = chosen("source").value, order = ORDERS.find(([name]) => name === chosen("order").value)
  const sent = {amount: at("pay-amount").value.trim(), source: source === "wallet" ? "wallet" : "gateway", description: t(order[0]), reference: order[2]}
  if (source !== "wallet" && source !== "gateway") sent.payment_method = source
  if (source === "gateway" && at("pay-save").checked) Object.assign(sent, {save_method: true, contact: at("contact").value})
  const inputs = {amount: at("pay-amount"), contact: at("contact")}
  try {
    showErrors(at("pay-error"), null, inputs)
    const {body} = await call("POST", "payments/payments/", sent, key)
    key = newKey()
    if (body.checkout) return await payAtCheckout(body)
    if (body.wallet) showWallet(body.wallet)
    toast(t("paid", money(body.amount)), "good")
    await refresh()
  } catch (error) {
    if (error.status) key = newKey() // an answer is final for its key; without one the same key asks again
    showErrors(at("pay-error"), error, inputs)
    if (error.code === "insufficient_funds") await refresh()
  }
}

/* --- the list */

export async function loadPayments(page = 1) {
  const query = new URLSearchParams()
  if (at("payment-status").value) query.set("status", at("payment-status").value)
  if (page > 1) query.set("page", page)
  const found = await get(`payments/payments/${query.size ? `?${query}` : ""}`)
  at("payments").replaceChildren(...(found.results.length ? found.results.map(row) : [element("li", {className: "empty", textContent: t("no_payments")})]))
  pager(at("payment-pages"), found, page, loadPayments)
}

const pictureOf = ({purpose, source}) => (purpose === "top_up" ? ICONS.in : source === "wallet" ? ICONS.wallet : ICONS.out)

function row(payment) {
  const {id, purpose, status, amount, amount_refunding, description, created_at, in_review} = payment
  return element("li", {}, element("button", {type: "button", className: "row", onclick: () => showPayment(id)},
    element("span", {className: "sign"}, icon(pictureOf(payment))),
    element("span", {className: "what"}, element("b", {textContent: description || t(`purpose_${purpose}`)}), element("small", {textContent: time(created_at)})),
    element("span", {className: "amount numbers"}, element("b", {textContent: money(amount)}),
      badge(in_review ? t("being_checked") : t(`status_${status}`), in_review ? "wait" : tone(status)), Number(amount_refunding) ? badge(t("refunding"), "wait") : null)))
}

/* --- one payment */

export async function showPayment(id) {
  try {
    const [payment, refunds] = await Promise.all([get(`payments/payments/${id}/`), get(`payments/payments/${id}/refunds/`)])
    at("detail").replaceChildren(...parts(payment, refunds.results))
    if (!at("detail").open) at("detail").showModal()
  } catch (error) {
    toast(error.message, "bad")
  }
}

function parts(payment, refunds) {
  const {purpose, status, amount, description, failure, in_review, checkout} = payment
  const error = element("p", {className: "error", role: "alert"})
  const buttons = []
  if (checkout) buttons.push(element("button", {type: "button", className: "first", textContent: t("pay_now"), onclick: () => { at("detail").close(); payAtCheckout(payment) }}))
  if (["created", "authorized", "failed", "expired"].includes(status) && payment.source === "gateway")
    buttons.push(element("button", {type: "button", textContent: t("ask_gateway"), onclick: event => busy(event.target, () => ask(payment.id))}))
  if (["captured", "partially_refunded"].includes(status))
    buttons.push(element("button", {type: "button", textContent: t("ask_refund"), onclick: event => busy(event.target, () => askRefund(payment, error))}))
  return [
    element("div", {className: "line"}, element("h2", {id: "detail-title", textContent: description || t(`purpose_${purpose}`)}),
      element("button", {type: "button", className: "icon", "aria-label": t("close"), onclick: () => at("detail").close()}, icon(ICONS.close))),
    element("p", {className: "total numbers"}, money(amount), " ", badge(t(`status_${status}`), tone(status))),
    in_review ? element("p", {className: "banner wait", textContent: t("in_review")}) : null,
    failure ? element("p", {className: "banner", textContent: failure.text || failure.code.replaceAll("_", " ")}) : null,
    facts(payment),
    buttons.length ? element("div", {className: "buttons"}, buttons) : null,
    error,
    element("h3", {textContent: t("refunds")}),
    refunds.length ? element("ul", {className: "refunds"}, refunds.map(refund)) : element("p", {className: "soft", textContent: t("no_refunds")}),
  ].filter(Boolean)
}

function facts(payment) {
  const rows = [
    ["credited", payment.paid && money(payment.paid)],
    ["discount", Number(payment.discount) && money(payment.discount)],
    ["fee", Number(payment.fee) && money(payment.fee)],
    ["refunded", Number(payment.amount_refunded) && money(payment.amount_refunded)],
    ["refunding", Number(payment.amount_refunding) && money(payment.amount_refunding)],
    ["method", payment.source === "wallet" ? t("source_wallet") : payment.method],
    ["saved_card", payment.save_method && t(`save_${payment.save_method.status}`)],
    ["reference", payment.reference],
    ["time", time(payment.created_at)],
    ["Razorpay", payment.gateway_payment_id ?? payment.gateway_order_id],
  ]
  return element("dl", {className: "facts"}, rows.filter(([, value]) => value).map(([name, value]) =>
    element("div", {}, element("dt", {textContent: t(name)}), element("dd", {className: "numbers", textContent: value}))))
}

function refund({amount, status, destination, failure, arn, expected_by, created_at}) {
  const more = [t(destination === "wallet" ? "to_wallet" : "to_source"), expected_by && status !== "failed" && t("expected_by", day(expected_by)), arn && `ARN ${arn}`]
  return element("li", {}, element("div", {className: "line"}, element("b", {className: "numbers", textContent: money(amount)}), badge(t(`refund_${status}`), tone(status))),
    element("small", {className: "soft numbers", textContent: [time(created_at), ...more.filter(Boolean)].join(" · ")}),
    failure ? element("p", {className: "error", textContent: failure.text ?? failure}) : null)
}

async function ask(id) {
  await settle(id, `payments/payments/${id}/sync/`, {})
  await showPayment(id)
}

async function askRefund(payment, box) {
  try {
    box.textContent = ""
    await call("POST", `payments/payments/${payment.id}/refunds/`, {}, newKey())
    toast(t("refund_asked"), "good")
    await Promise.all([refresh(), showPayment(payment.id)])
  } catch (error) {
    box.textContent = error.message
  }
}

export function fillPayments() {
  const status = at("payment-status").value
  at("payment-status").replaceChildren(...STATUSES.map(name => new Option(t(`status_${name}`), name)))
  at("payment-status").value = status
  showOrders()
  showSources()
}

export function startPayments() {
  at("pay-amount").value = ORDERS[0][1]
  at("orders").onchange = () => { at("pay-amount").value = ORDERS.find(([name]) => name === chosen("order").value)[1] }
  at("pay-form").oninput = changed
  at("pay-form").onchange = changed
  at("pay-form").onsubmit = event => { event.preventDefault(); busy(at("pay-send"), pay) }
  at("payment-status").onchange = () => loadPayments().catch(error => toast(error.message, "bad"))
}
