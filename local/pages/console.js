/* The console: what staff see through the staff's API, and what only this machine offers: webhooks, faults and time. */
import {element} from "./phone/dom.js"

const PAUSE_MS = 2500
const MANY = 1_000_000 // calls that a fault of Razorpay lasts
const METHODS = ["GET", "POST", "PUT", "DELETE"]
const S3_FAULTS = ["GetObject", "PutObject"]
const TONES = {captured: "good", processed: "good", failed: "bad", returned: "bad", created: "wait", authorized: "wait", pending: "wait", requested: "wait", sending: "wait"}
const at = id => document.getElementById(id)
const money = amount => new Intl.NumberFormat("en-IN", {style: "currency", currency: "INR"}).format(amount ?? 0)
const time = text => new Intl.DateTimeFormat("en-IN", {dateStyle: "medium", timeStyle: "medium", timeZone: "Asia/Kolkata"}).format(new Date(text))
const words = text => String(text).replaceAll("_", " ")
const badge = (text, tone = "") => element("span", {className: `badge ${tone}`, textContent: words(text)})

let staff = []
let refresh = () => {}
let forgetting = 0
const opened = new Set()

function say(text) {
  clearTimeout(forgetting)
  at("say").textContent = text
  forgetting = setTimeout(() => { at("say").textContent = "" }, 6_000)
}

async function send(address, body, headers = {}) {
  const response = await fetch(address, body === undefined ? {headers} : {method: "POST", body: JSON.stringify(body), headers: {"Content-Type": "application/json", ...headers}})
  const result = await response.json()
  if (!response.ok) throw Error(result.detail ?? result.error?.description ?? Object.values(result).flat().join(" "))
  return result
}

const local = (action, body = {}) => send(`/_local/${action}`, body)
const gateway = (action, body = {}) => send(`/_pages/razorpay/${action}`, body)
const api = (path, body, headers) => send(`/api/staff/${path}`, body, {Authorization: `Bearer ${staff[at("who").value].token}`, ...headers})

/** Do something for a control, and say what went wrong. */
const act = work => async event => {
  const button = event?.currentTarget?.tagName === "BUTTON" ? event.currentTarget : null
  if (button) button.disabled = true
  try {
    await work(event)
  } catch (error) {
    say(error.message)
  } finally {
    if (button) button.disabled = false
  }
}

/* --- find and read */

const table = (names, rows) => element("div", {className: "scroll", tabIndex: 0, role: "region", "aria-label": "Table"}, element("table", {},
  element("thead", {}, element("tr", {}, names.map(name => element("th", {scope: "col", textContent: name})))),
  element("tbody", {}, rows.map(cells => element("tr", {}, cells.map(cell => element("td", {}, cell ?? "")))))))

const facts = pairs => element("dl", {className: "facts"}, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) =>
  element("div", {}, element("dt", {textContent: name}), element("dd", {className: "numbers"}, value))))

const part = (title, content) => [element("h3", {textContent: title}), content]

const rowOf = ({id, amount, status, purpose, created_at, in_review}) => element("li", {}, element("button", {type: "button", onclick: act(() => showPayment(id))},
  element("span", {}, `${money(amount)} ${words(purpose ?? "payment")}`, element("small", {className: "soft", textContent: ` ${time(created_at)}`})),
  element("span", {}, in_review ? badge("in review", "wait") : null, " ", badge(status, TONES[status]))))

const show = (...nodes) => at("found").replaceChildren(...nodes.flat(Infinity).filter(Boolean))

async function find(q) {
  const {results} = await api(`search/?q=${encodeURIComponent(q)}`)
  if (!results.length) return show(element("p", {textContent: "Nothing has this id."}))
  const [first] = results
  return first.kind === "customer" ? showCustomer(first.id) : showPayment(first.id)
}

async function showCustomer(id) {
  refresh = () => showCustomer(id)
  const {wallet, payment_methods, recent_payments} = await api(`customers/${id}/`)
  const verdict = element("p", {role: "status"})
  show(
    element("div", {className: "line"}, element("p", {className: "total numbers"}, wallet ? money(wallet.balance) : "No wallet yet", wallet && !wallet.is_active ? badge("blocked", "bad") : null),
      wallet ? element("button", {type: "button", textContent: "Check the chain", onclick: act(() => check(wallet.id, verdict))}) : null),
    verdict,
    facts([["Customer", id], ...(wallet ? [["Wallet", wallet.id], ["On hold", money(wallet.held)], ["Owed", money(wallet.owed)], ["Cashback", money(wallet.cashback)], ["Rewards", money(wallet.rewards)]] : [])]),
    part("Payments", recent_payments.length ? element("ul", {className: "list"}, recent_payments.map(rowOf)) : element("p", {className: "soft", textContent: "None."})),
    part("Payment methods", payment_methods.length ? table(["Type", "Method", "Default"], payment_methods.map(({type, masked, is_default}) => [type, masked, is_default ? "yes" : ""])) : element("p", {className: "soft", textContent: "None."})),
  )
}

async function check(wallet, verdict) {
  const {is_sound, entries, checked, faults} = await api(`wallets/${wallet}/check/`)
  verdict.replaceChildren(badge(is_sound ? "sound" : "not sound", is_sound ? "good" : "bad"), ` ${checked} of ${entries} entries checked. ${faults.join(" ")}`)
}

async function showPayment(id) {
  refresh = () => showPayment(id)
  const payment = await api(`payments/${id}/`)
  const {customer, amount, status, purpose, source, method, timeline, refunds, entries, reviews} = payment
  show(
    element("div", {className: "line"}, element("p", {className: "total numbers"}, money(amount), badge(status, TONES[status])),
      element("button", {type: "button", textContent: "Its customer", onclick: act(() => showCustomer(customer))})),
    reviews.map(({reason, gateway_id, created_at}) => element("p", {}, badge(reason, "wait"), ` ${gateway_id}, ${time(created_at)}`)),
    facts([["Purpose", words(purpose)], ["Source", source], ["Method", method], ["Credited", payment.paid && money(payment.paid)], ["Refunded", Number(payment.amount_refunded) && money(payment.amount_refunded)], ["On its way back", Number(payment.amount_refunding) && money(payment.amount_refunding)], ["Payment", id], ["Order", payment.gateway_order_id], ["Razorpay's payment", payment.gateway_payment_id], ["Reference", payment.reference]].filter(([, value]) => value)),
    part("Timeline", element("ol", {className: "timeline"}, timeline.map(({at: when, source: who, what, event_id, by, why}) => element("li", {}, element("b", {textContent: words(what)}), " ", badge(who),
      element("small", {textContent: [time(when), event_id, by, why].filter(Boolean).join(" · ")}))))),
    part("Entries of the wallet", entries.length ? table(["#", "Kind", "Amount", "Balance", "On hold", "Owed"], entries.map(entry => [entry.seq, words(`${entry.kind} ${entry.category}`), money(entry.amount), money(entry.balance_after), money(entry.held_after), money(entry.owed_after)])) : element("p", {className: "soft", textContent: "None."})),
    part("Refunds", refunds.length ? table(["Amount", "Status", "To", "Asked by", "Reason", "Razorpay's refund"], refunds.map(refund => [money(refund.amount), badge(refund.status, TONES[refund.status]), refund.destination, refund.asked_by, refund.reason, refund.gateway_refund_id])) : element("p", {className: "soft", textContent: "None."})),
    ["captured", "partially_refunded"].includes(status) ? refundForm(id) : null,
  )
}

function refundForm(id) {
  const amount = element("input", {inputMode: "decimal", autocomplete: "off", placeholder: "all that is left"}), reason = element("input", {autocomplete: "off", required: true})
  const form = element("form", {className: "pane"}, element("h3", {textContent: "Refund"}), element("label", {className: "field"}, "Amount in rupees", amount), element("label", {className: "field"}, "Reason", reason), element("button", {className: "first", textContent: "Refund"}))
  const key = crypto.randomUUID?.() ?? String(Math.random())
  form.onsubmit = event => {
    event.preventDefault()
    act(async () => {
      await api(`payments/${id}/refunds/`, {reason: reason.value, ...(amount.value.trim() && {amount: amount.value.trim()})}, {"Idempotency-Key": key})
      say("The refund is requested.")
      await showPayment(id)
    })()
  }
  return form
}

/* --- webhooks, faults and time */

function webhook({event_id, event, status, attempts, held, body}) {
  const again = (name, choice) => element("button", {type: "button", textContent: name, onclick: act(async () => {
    const answers = await gateway("deliver", {event_id, ...choice})
    say(`${event}: ${answers.map(answer => answer.status || "no answer").join(", ")}`)
    await look()
    await refresh()
  })})
  const details = element("details", {open: opened.has(event_id)}, element("summary", {}, element("b", {textContent: event}), badge(held ? "held" : status === null ? "…" : status || "no answer", held ? "wait" : status >= 200 && status < 300 ? "good" : "bad"), element("small", {className: "soft numbers", textContent: `× ${attempts}`})),
    element("div", {className: "buttons"}, again("Send again", {}), again("Twice", {times: 2}), again("Tampered", {tamper: true})),
    element("pre", {tabIndex: 0, textContent: JSON.stringify(JSON.parse(body), null, 2)}))
  details.ontoggle = () => (details.open ? opened.add(event_id) : opened.delete(event_id))
  return element("li", {}, details)
}

let drawn = ""

async function look() {
  const events = await send("/_pages/webhooks"), now = JSON.stringify(events)
  if (now === drawn) return
  drawn = now
  at("webhooks").replaceChildren(...events.map(webhook))
}

async function moveClock(forward_s) {
  const {ahead_s: ahead} = await local("clock", {forward_s})
  const units = [[86_400, "day"], [3_600, "hour"], [60, "minute"]].map(([seconds, unit], index, all) => [Math.floor((index ? ahead % all[index - 1][0] : ahead) / seconds), unit])
  at("ahead").textContent = ahead ? `${units.filter(([count]) => count).map(([count, unit]) => `${count} ${unit}${count > 1 ? "s" : ""}`).join(", ") || `${ahead} s`} ahead` : "on time"
}

async function invoke(name) {
  const result = await local("invoke", {function: name})
  at("result").hidden = false
  const found = result && Object.entries(result).filter(([, count]) => count)
  at("result").textContent = found?.length ? found.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join("\n") : "Nothing was due."
  await refresh()
}

async function showFaults() {
  const [{holding, faults}, {s3, issuer}] = await Promise.all([send("/_pages/stand-in"), local("faults")])
  at("hold").checked = holding
  at("s3").checked = Boolean(s3?.length)
  at("issuer").checked = issuer
  const current = document.querySelector(`input[name=razorpay][value="${faults.find(({times}) => times > 0)?.fault ?? ""}"]`)
  if (current) current.checked = true
}

/* --- start */

at("find").onsubmit = event => { event.preventDefault(); if (at("q").value.trim()) act(() => find(at("q").value.trim()))() }
at("hold").onchange = act(async () => { await gateway("hold", {hold: at("hold").checked}); say(at("hold").checked ? "Webhooks wait." : "Webhooks go out at once.") })
at("deliver").onclick = act(async () => { say(`${(await gateway("deliver")).length} webhooks were sent.`); await look(); await refresh() })
at("s3").onchange = act(() => local("faults", {s3: at("s3").checked ? S3_FAULTS : []}))
at("issuer").onchange = act(() => local("faults", {issuer: at("issuer").checked}))
for (const radio of document.querySelectorAll("input[name=razorpay]"))
  radio.onchange = act(() => gateway("faults", radio.value ? METHODS.map(method => ({method, path: "/v1", fault: radio.value, times: MANY})) : []))
for (const button of document.querySelectorAll("[data-forward]")) button.onclick = act(() => moveClock(Number(button.dataset.forward)))
for (const button of document.querySelectorAll("[data-invoke]")) button.onclick = act(() => invoke(button.dataset.invoke))

await act(async () => {
  const ready = await send("/_pages/ready")
  staff = ready.staff
  at("who").replaceChildren(...staff.map(({name, groups}, index) => new Option(`${name}, ${groups.join(" + ")}`, index)))
  at("people").replaceChildren(...ready.customers.map(({id, name}) => element("button", {type: "button", textContent: name, onclick: act(() => showCustomer(id))})))
  at("who").onchange = act(() => refresh())
  await Promise.all([look(), showFaults(), moveClock(0)])
})()
setInterval(() => { if (!document.hidden) look().catch(() => {}) }, PAUSE_MS)
