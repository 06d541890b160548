/* A customer and a payment as the staff's API shows them, with what staff may do about them. */
import {badge, element} from "../dom.js"
import {money, time} from "../lang.js"
import {api} from "./api.js"
import {act, action, code, empty, facts, field, part, say, table, toneOf, words} from "./parts.js"
import {t, word} from "./texts.js"

const REFUNDABLE = ["captured", "partially_refunded"]
const REASON_MAX = 255

const status = value => badge(word("status", value), toneOf(value))
const reason = (required = true) => field(t("reason"), {name: "reason", required, maxLength: REASON_MAX})
const amount = properties => field(t("amount_in_rupees"), {name: "amount", inputMode: "decimal", className: "numbers", ...properties})

/** A row that opens a payment. */
export const paymentRow = ({id, amount: sum, purpose, status: state, created_at, in_review, name}, open) => element("li", {}, element("button", {type: "button", onclick: () => open("payment", id)},
  element("b", {className: "numbers", textContent: money(sum)}),
  element("span", {}, in_review ? [badge(t("in_review"), "wait"), " "] : null, status(state)),
  element("small", {textContent: [word("purpose", purpose), name].filter(Boolean).join(", ")}), element("small", {className: "numbers", textContent: time(created_at)})))

export const paymentList = (payments, open) => (payments.length ? element("ul", {className: "list"}, payments.map(payment => paymentRow(payment, open))) : empty(t("none")))

/** What is found by an id; `open` opens it at once if it is the only one. */
export async function find(q, open) {
  const {results} = await api(`search/?q=${encodeURIComponent(q)}`)
  if (!results.length) return empty(t("nothing_found"))
  const [{kind, id}] = results
  return open(kind, id)
}

export const record = (kind, id, open, entriesOf) => (kind === "customer" ? customerView(id, open, entriesOf) : paymentView(id, open))

/* --- a customer */

/** `entriesOf` reads the wallet's stored entries, where the page can: on a developer's machine. */
async function customerView(id, open, entriesOf) {
  const {wallet, payment_methods, recent_payments, open_payments} = await api(`customers/${encodeURIComponent(id)}/`)
  const verdict = element("p", {className: "verdict", role: "status"}), chain = element("div", {})
  const again = () => open("customer", id)
  const payments = [...recent_payments, ...open_payments.filter(({id: other}) => recent_payments.every(recent => recent.id !== other))]
  return [
    element("div", {className: "line"}, element("p", {className: "total"}, wallet ? money(wallet.balance) : t("no_wallet"), wallet && !wallet.is_active ? badge(t("blocked"), "bad") : null),
      wallet ? element("button", {type: "button", textContent: t("check_chain"), onclick: act(() => check(wallet.id, verdict, chain, entriesOf))}) : null),
    verdict, chain,
    facts([[t("customer"), code(id)], ...(wallet ? [[t("wallet"), code(wallet.id)], [t("on_hold"), money(wallet.held)], [t("owed"), money(wallet.owed)], [t("cashback"), money(wallet.cashback)], [t("rewards"), money(wallet.rewards)]] : [])]),
    part(t("payments"), paymentList(payments, open)),
    part(t("payment_methods"), table(t("payment_methods"), [t("type"), t("method"), t("default")], payment_methods.map(({type, masked, is_default}) => [type, masked, is_default ? t("yes") : ""]))),
    element("div", {className: "acts"}, wallet ? walletActions(wallet, again) : null,
      action(t("release"), {group: "support", fields: [reason()], submit: t("do_it"), send: async sent => { await api(`customers/${encodeURIComponent(id)}/release/`, sent); say(t("released"), "good"); await again() }})),
  ]
}

function walletActions({id, is_active}, again) {
  const change = is_active ? "block" : "unblock"
  const propose = path => async (sent, key) => { await api(`wallets/${id}/${path}/`, sent, key); say(t("proposed"), "good"); await again() }
  return [
    action(t(change), {group: "support", danger: is_active, fields: [reason()], submit: t(change), send: async sent => { await api(`wallets/${id}/${change}/`, sent); say(t(`done_${change}`), "good"); await again() }}),
    action(t("adjustment"), {group: "finance", fields: [field(t("type"), {name: "type", options: ["credit", "debit"].map(type => [type, t(`adjustment_${type}`)])}), amount({required: true}), reason()], submit: t("adjustment"), send: propose("adjustments")}),
    action(t("waiver"), {group: "finance", fields: [amount({required: true}), reason()], submit: t("waiver"), send: propose("waivers")}),
  ]
}

async function check(wallet, verdict, chain, entriesOf) {
  const {is_sound, entries, checked, faults} = await api(`wallets/${wallet}/check/`)
  verdict.className = `verdict ${is_sound ? "good" : "bad"}`
  verdict.replaceChildren(element("b", {textContent: t(is_sound ? "sound" : "not_sound")}), ` ${t("checked", checked, entries)} ${faults.join(" ")}`)
  if (!entriesOf) return
  const short = hash => (hash || "").slice(0, 12) || "–"
  chain.replaceChildren(table(t("entries"), ["#", t("kind"), `${t("amount")}#`, t("chain")], (await entriesOf(wallet)).map(({seq, kind, category, amount_paise, previous_hash, hash}) =>
    [seq, words([kind, category].filter(Boolean).join(", ")), amount_paise ? money(amount_paise / 100) : "", code(`${short(previous_hash)} → ${short(hash)}`)])))
}

/* --- a payment */

async function paymentView(id, open) {
  const payment = await api(`payments/${encodeURIComponent(id)}/`)
  const {customer, amount: sum, status: state, purpose, source, method, timeline, refunds, entries, reviews, disputes} = payment
  const again = () => open("payment", id)
  return [
    element("div", {className: "line"}, element("p", {className: "total"}, money(sum), status(state)),
      element("button", {type: "button", textContent: t("its_customer"), onclick: () => open("customer", customer)})),
    reviews.filter(review => review.status !== "resolved").map(({reason: why, explanation, gateway_id, created_at}) =>
      element("p", {className: "notice"}, element("b", {textContent: words(why)}), `${explanation ?? ""} `, element("small", {textContent: `${gateway_id}, ${time(created_at)}`}))),
    facts([
      [t("purpose"), word("purpose", purpose)], [t("source"), source], [t("method"), method], [t("credited"), payment.paid && money(payment.paid)], [t("failure"), payment.failure?.text],
      [t("refunded"), Number(payment.amount_refunded) && money(payment.amount_refunded)], [t("refunding"), Number(payment.amount_refunding) && money(payment.amount_refunding)],
      [t("payment"), code(payment.id)], [t("order"), code(payment.gateway_order_id)], [t("razorpays_payment"), code(payment.gateway_payment_id)], [t("reference"), payment.reference],
    ]),
    part(t("timeline"), element("ol", {className: "timeline"}, timeline.map(moment))),
    part(t("entries"), table(t("entries"), ["#", t("kind"), `${t("amount")}#`, `${t("balance")}#`, `${t("on_hold")}#`, `${t("owed")}#`], entries.map(entry => [entry.seq, words(`${entry.kind} ${entry.category}`), money(entry.amount), money(entry.balance_after), money(entry.held_after), money(entry.owed_after)]))),
    part(t("refunds"), table(t("refunds"), [`${t("amount")}#`, t("status"), t("to"), t("asked_by"), t("reason"), t("razorpays_refund")], refunds.map(refund => [money(refund.amount), badge(words(refund.status), toneOf(refund.status)), refund.destination, refund.asked_by, refund.reason, code(refund.gateway_refund_id)]))),
    disputes.length ? part(t("disputes"), [
      table(t("disputes"), [`${t("amount")}#`, t("status"), t("phase"), t("reason"), t("respond_by")], disputes.map(dispute => [money(dispute.amount), badge(words(dispute.status), toneOf(dispute.status)), words(dispute.phase), words(dispute.reason ?? ""), dispute.respond_by ? time(dispute.respond_by) : ""])),
      element("div", {className: "buttons"}, disputes.map(dispute => element("button", {type: "button", textContent: t("download_evidence"), "aria-label": `${t("download_evidence")}: ${dispute.id}`, onclick: act(() => download(id, dispute.id))}))),
    ]) : null,
    payment.gateway_order_id ? askRazorpay(payment.id) : null,
    element("div", {className: "acts"}, REFUNDABLE.includes(state) ? refundForm(payment.id, source, again) : null,
      refunds.filter(refund => refund.status === "requested").map(refund => cancelForm(payment.id, refund, again))),
  ]
}

/** A button that asks Razorpay itself, and what it says now. */
function askRazorpay(id) {
  const answer = element("div", {className: "acts", role: "status"})
  const ask = act(async () => {
    const {gateway} = await api(`payments/${encodeURIComponent(id)}/?gateway=true`)
    const {asked_at, outage, attempts, refunds} = gateway
    answer.replaceChildren(...[
      element("h3", {textContent: `${t("razorpay_says")}, ${time(asked_at)}`}), outage ? element("p", {className: "notice", textContent: outage}) : null,
      table(t("razorpay_says"), [t("attempt"), `${t("amount")}#`, t("status"), t("method"), `${t("refunded")}#`, t("failure")], attempts.map(attempt => [code(attempt.id), money(attempt.amount), badge(words(attempt.status), toneOf(attempt.status)), attempt.method, money(attempt.amount_refunded), attempt.failure])),
      refunds.length ? table(t("refunds"), [t("razorpays_refund"), t("attempt"), `${t("amount")}#`, t("status")], refunds.map(refund => [code(refund.id), code(refund.attempt), money(refund.amount), badge(words(refund.status), toneOf(refund.status))])) : null,
    ].filter(Boolean))
  })
  return [element("div", {className: "buttons"}, element("button", {type: "button", textContent: t("ask_razorpay"), onclick: ask})), answer]
}

const cancelForm = (payment, refund, again) => action(t("cancel_refund", money(refund.amount)), {group: "support", danger: true, fields: [reason()], submit: t("do_it"), send: async sent => {
  await api(`payments/${payment}/refunds/${refund.id}/cancel/`, sent)
  say(t("refund_cancelled"), "good")
  await again()
}})

/** One moment of the timeline. */
function moment({at: when, source: who, what, event_id, by, why}) {
  const tone = /fail|refus|reject/.test(what) ? "bad" : /review|mismatch|second|dispute|pending/.test(what) ? "wait" : /captur|credit|processed|resolved|approve/.test(what) ? "good" : ""
  return element("li", {className: tone}, element("b", {textContent: words(what)}), " ", badge(who), element("small", {textContent: [time(when), event_id, by, why].filter(Boolean).join(" · ")}))
}

function refundForm(id, source, again) {
  const targets = source === "wallet" ? ["wallet"] : ["source", "wallet"]
  return action(t("refund"), {
    group: "support",
    fields: [amount({placeholder: t("all_that_is_left")}), field(t("destination"), {name: "destination", options: targets.map(target => [target, t(`destination_${target}`)])}), reason()],
    submit: t("refund"),
    send: async (sent, key) => {
      const {kind} = await api(`payments/${id}/refunds/`, sent, key)
      say(t(kind === "refund" ? "refund_proposed" : "refund_requested"), "good")
      await again()
    },
  })
}

export async function download(payment, dispute) {
  const evidence = await api(`payments/${payment}/disputes/${dispute}/evidence/`)
  const url = URL.createObjectURL(new Blob([JSON.stringify(evidence, null, 2)], {type: "application/json"}))
  element("a", {href: url, download: `evidence-${dispute}.json`}).click()
  setTimeout(() => URL.revokeObjectURL(url), 1_000)
}
