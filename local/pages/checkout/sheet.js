/* The checkout sheet. It is opened by checkout.js in a frame, by a WebView, or by an address with Razorpay's options.
 *
 * The answer goes where the app listens: to the frame's or the window's opener by postMessage, to a WebView's bridge,
 * to an http `callback_url` by a form, as Razorpay does it, or to an app's own address (deep link) in its query.
 */
import {at, element} from "../dom.js"
import {languageButton, moneyOfPaise, useLanguage} from "../lang.js"
import {fill, t} from "./texts.js"

const LATE_S = 10
const UPI = [["Google Pay", "okhdfcbank", "#1a56b0"], ["PhonePe", "ybl", "#5f259f"], ["Paytm", "paytm", "#00437a"], ["BHIM", "upi", "#9a4a00"]]
const BANKS = [["State Bank", "SBIN", "#1c5fa8"], ["HDFC Bank", "HDFC", "#0d3f86"], ["ICICI Bank", "ICIC", "#a03a12"], ["Axis Bank", "UTIB", "#8a1745"], ["Kotak", "KKBK", "#b3191c"], ["Punjab National", "PUNB", "#8c2f4a"]]
const WALLETS = [["Mobikwik", "mobikwik", "#215a9e"], ["Airtel Money", "airtelmoney", "#b81417"], ["PayZapp", "payzapp", "#1d4a8c"], ["Ola Money", "olamoney", "#35621c"]]
const NETWORKS = {4: "Visa", 5: "MasterCard", 6: "RuPay", 3: "American Express"}
const USABLE = ["active", "activated"]

const query = new URLSearchParams(location.search)
const isFramed = query.has("frame") && parent !== window
let options = {}, order = null, caller = null, tokens = []

async function control(action, body) {
  const response = await fetch(`/_control/${action}`, {method: "POST", body: JSON.stringify(body)})
  const result = await response.json()
  if (!response.ok) throw Error(result.error?.description ?? t("no_answer", response.status))
  return result
}

/* --- what is shown */

function choice(name, value, mark, tone, title, detail = "", properties = {}) {
  const square = element("span", {className: "mark", "aria-hidden": "true", textContent: mark})
  square.style.setProperty("--tone", tone)
  const text = element("span", {}, element("b", {textContent: title}), ...(detail ? [element("small", {textContent: detail})] : []))
  return element("label", {}, element("input", {type: "radio", name, value, ...properties}), square, text)
}

const initials = name => name.split(" ").map(word => word[0]).join("").slice(0, 2)
const list = (id, rows) => at(id).replaceChildren(...rows.map(([name, value, tone], index) => choice(id, value, initials(name), tone, name, "", {checked: index === 0})))

function say(text, tone = "", detail = "") {
  at("say").replaceChildren(...(text ? [element("p", {className: `alert ${tone}`}, text, ...(detail ? [element("small", {textContent: detail})] : []))] : []))
  if (text) at("say").scrollIntoView({block: "nearest"})
}

const selected = name => document.querySelector(`input[name="${name}"]:checked`)

function showMethod() {
  for (const panel of document.querySelectorAll("[data-method]")) panel.hidden = panel.dataset.method !== selected("method").value
  at("new-card").hidden = selected("card")?.value !== ""
}

function showCards() {
  const saved = tokens.map(({id, card, status}) => {
    const usable = USABLE.includes(status)
    return choice("card", id, card.network.slice(0, 2).toUpperCase(), "#2c3a6b", t("card_ending", card.network, card.last4),
      `${card.issuer ?? ""} ${card.type}, ${usable ? t("saved") : status}`.trim(), {disabled: !usable})
  })
  at("cards").replaceChildren(...saved, choice("card", "", "+", "#5a5873", t("new_card"), t("new_card_detail")))
  at("cards").hidden = tokens.length === 0
  const wanted = options.token ?? ""
  const first = [...at("cards").querySelectorAll("input")].find(input => !input.disabled && (!wanted || input.value === wanted))
  ;(first ?? at("cards").querySelector("input[value='']")).checked = true
  at("remember").hidden = !options.customer_id
}

/* --- where the answer goes */

const target = () => options.callback_url ?? query.get("callback_url")

function post(event, content = {}) {
  const message = {source: "razorpay-stand-in", event, ...content}
  if (isFramed) parent.postMessage(message, caller ?? "*")
  else window.opener?.postMessage(message, "*")
  window.ReactNativeWebView?.postMessage(JSON.stringify(message))
}

function goBack(fields) {
  const url = target()
  if (!url) return false
  if (!/^https?:/i.test(url)) {
    if (/^(javascript|data|blob|file|vbscript):/i.test(url)) return false
    location.href = `${url}${url.includes("?") ? "&" : "?"}${new URLSearchParams(fields)}`
    return true
  }
  const form = element("form", {method: "POST", action: url})
  for (const [name, value] of Object.entries(fields)) form.append(element("input", {type: "hidden", name, value}))
  document.body.append(form)
  form.submit()
  return true
}

function succeed(fields) {
  post("success", {fields})
  say(t("paid"), "good")
  finish(fields)
  if (!isFramed) goBack(fields)
}

/** After the last step nothing more can be paid here. */
function finish(fields) {
  for (const part of [at("form"), at("other")]) part.hidden = true
  at("pay").parentElement.hidden = true
  at("fields").hidden = isFramed || !fields
  at("fields").textContent = JSON.stringify(fields, null, 2)
}

function failed(fields, reason, failures) {
  const {code, description, source, step} = failures[reason]
  const error = {code, description, source, step, reason, metadata: {order_id: fields.razorpay_order_id, payment_id: fields.razorpay_payment_id}}
  post("failed", {error})
  say(description, "", t("again", reason))
  return error
}

function close() {
  post("dismiss", {reason: "user"})
  if (isFramed) return
  const error = {"error[code]": "BAD_REQUEST_ERROR", "error[reason]": "payment_cancelled", "error[description]": "Your payment has been cancelled. Try again or complete the payment later.", "error[metadata]": JSON.stringify({order_id: options.order_id})}
  finish()
  if (!goBack(error)) say(t("closed"), "wait")
}

/* --- what the customer does */

function instrument() {
  const method = selected("method").value
  const body = {order_id: options.order_id, method, customer_id: options.customer_id, contact: options.prefill?.contact}
  if (method === "upi") body.vpa = `asha@${selected("upi").value}`
  if (method === "netbanking") body.bank = selected("netbanking").value
  if (method === "wallet") body.wallet = selected("wallet").value
  if (method !== "card") return body
  if (selected("card").value) return {...body, token: selected("card").value}
  const digits = at("number").value.replace(/\D/g, "")
  if (digits.length < 12) throw Error(t("short_number"))
  return {...body, card: {last4: digits.slice(-4), network: NETWORKS[digits[0]] ?? "Visa"}, save: !at("remember").hidden && at("save").checked}
}

async function act(what, failures) {
  const buttons = [...document.querySelectorAll("button")]
  for (const button of buttons) button.disabled = true
  at("sheet").setAttribute("aria-busy", "true")
  try {
    say("")
    const reason = at("reason").value
    const outcome = {pay: "success", lose: "success", twice: "success", late: "late", fail: "fail", authorize: "authorize", pending: "pending"}[what]
    const fields = await control("pay", {...instrument(), outcome, ...(what === "fail" && {reason}), ...(what === "late" && {late_s: LATE_S})})
    if (what === "twice") await control("double_pay", {order_id: options.order_id})
    if (what === "pay" || what === "twice" || what === "authorize") succeed(fields)
    if (what === "fail") failed(fields, reason, failures)
    if (what === "late") failed(fields, "payment_timed_out", failures)
    if (what === "pending") say(t("pending"), "wait")
    if (what === "lose") {
      post("lost")
      say(t("lost"), "wait")
      finish()
    }
  } catch (error) {
    say(error.message)
  } finally {
    for (const button of buttons) button.disabled = false
    at("sheet").removeAttribute("aria-busy")
  }
}

/* --- start */

async function start(given) {
  options = given
  useLanguage(options.config?.display?.language)
  languageButton(at("language"), draw)
  list("upi", UPI)
  list("netbanking", BANKS)
  list("wallet", WALLETS)
  const method = options.prefill?.method
  const radio = method && document.querySelector(`input[name=method][value="${CSS.escape(method)}"]`)
  if (radio || options.token) (radio ?? document.querySelector("input[name=method][value=card]")).checked = true
  try {
    const offer = await control("checkout", {order_id: options.order_id, customer_id: options.customer_id || null})
    order = offer.order
    tokens = offer.tokens
    showCards()
    at("reason").replaceChildren(...Object.entries(offer.failures).map(([reason]) => new Option(reason.replaceAll("_", " "), reason)))
    at("pay").disabled = false
    if (order.status === "paid") say(t("already_paid"), "wait")
    at("form").onsubmit = event => { event.preventDefault(); act("pay", offer.failures) }
    for (const button of document.querySelectorAll("[data-do]")) button.onclick = () => act(button.dataset.do, offer.failures)
  } catch (error) {
    say(error.message)
  }
  draw()
}

/** Write what has a language. */
function draw() {
  const chosen = selected("card")?.value
  fill()
  if (options.name) at("merchant").textContent = options.name
  document.title = t("test_checkout")
  at("description").textContent = options.description || options.order_id || ""
  if (order) {
    at("amount").textContent = moneyOfPaise(order.amount)
    at("pay").textContent = t("pay_amount", moneyOfPaise(order.amount))
    showCards()
    if (chosen !== undefined) [...at("cards").querySelectorAll("input")].find(({value}) => value === chosen).checked = true
  }
  showMethod()
}

/** Options in an address: structures as JSON, everything else as text. */
function fromAddress() {
  const parsed = {}
  for (const [name, value] of query) {
    try { parsed[name] = /^[{[]/.test(value) ? JSON.parse(value) : value } catch { parsed[name] = value }
  }
  return parsed
}

fill()
at("close").onclick = close
at("form").onchange = showMethod
addEventListener("keydown", event => { if (event.key === "Escape") close() })
if (isFramed) {
  document.body.classList.add("framed")
  at("sheet").setAttribute("role", "dialog")
  at("sheet").setAttribute("aria-modal", "true")
  at("sheet").setAttribute("aria-labelledby", "merchant")
  addEventListener("message", ({source, origin, data}) => {
    if (source !== parent || data?.source !== "razorpay-options" || caller) return
    caller = origin
    start(data.options)
  })
  post("ready")
} else start(fromAddress())
