/* What the service did: each request as a curl command, each webhook, each entry of the wallet. */
import {curl, customer, log, onRequest} from "./api.js"
import {at, badge, copy, element, toast} from "./dom.js"
import {moneyOfPaise, t} from "./texts.js"
import {currentWallet} from "./wallet.js"

const TABS = ["requests", "webhooks", "entries"]
const PAUSE_MS = 2500
const TOKEN = /(Bearer .{12})[^']*/ // shortened on the page, whole in the copy
let tab = "requests"
let webhooks = []
let entries = []
let shown = ""
const open = new Set() // what the reader has unfolded

const toneOf = status => (status === null ? "" : status >= 200 && status < 300 ? "good" : "bad")

function item(id, head, body) {
  const details = element("details", {className: "event", open: open.has(id)}, element("summary", {}, head), body)
  details.ontoggle = () => (details.open ? open.add(id) : open.delete(id))
  return element("li", {}, details)
}

function request(entry) {
  const url = new URL(entry.url), command = curl(entry)
  return item(`r${entry.at.getTime()}${entry.url}`, [
    element("b", {className: `verb ${entry.method.toLowerCase()}`, textContent: entry.method}),
    element("span", {className: "path", textContent: entry.file ? `${url.host} (S3)` : url.pathname.replace("/api/", "/") + decodeURIComponent(url.search)}),
    badge(entry.status === null ? "…" : entry.status || "✕", toneOf(entry.status)),
    element("small", {className: "numbers ms", textContent: entry.ms === null ? "" : `${entry.ms} ms`}),
  ], [
    element("div", {className: "code"}, element("pre", {tabIndex: 0, textContent: command.replace(TOKEN, "$1…")}),
      element("button", {type: "button", className: "small", "aria-label": t("copy_curl"), textContent: t("copy"), onclick: async () => {
        try { await copy(command); toast(t("copied"), "good") } catch (error) { toast(error.message, "bad") }
      }})),
    entry.response === null ? null : element("pre", {tabIndex: 0, "aria-label": t("response"), textContent: JSON.stringify(entry.response, null, 2)}),
  ].filter(Boolean))
}

/** What a webhook is about: the amount and the id of its refund, or else of its payment. */
function subject(body) {
  const {refund, payment} = JSON.parse(body).payload ?? {}, entity = (refund ?? payment)?.entity
  return entity?.amount ? `${moneyOfPaise(entity.amount)} ${entity.id}` : ""
}

const webhook = ({event_id, event, status, attempts, held, body}) => item(`w${event_id}`, [
  element("b", {className: "path", textContent: event}),
  element("small", {className: "numbers ms", textContent: subject(body)}),
  badge(held ? t("held_back") : status === null ? "…" : status || "✕", held ? "wait" : toneOf(status)),
  element("small", {className: "numbers", textContent: t("attempts", attempts)}),
], element("pre", {tabIndex: 0, textContent: JSON.stringify(JSON.parse(body), null, 2)}))

function entry(fields) {
  const {seq, kind, category, amount_paise, cash_paise, held_paise, owed_paise, by, hash, previous_hash} = fields
  const rest = [t("cash", moneyOfPaise(cash_paise ?? 0)), held_paise ? `${t("held")} ${moneyOfPaise(held_paise)}` : "", owed_paise ? `${t("owed")} ${moneyOfPaise(owed_paise)}` : ""]
  return item(`e${fields.wallet}${seq}`, [
    element("span", {className: "seq numbers", textContent: `#${seq}`}),
    element("b", {className: "path", textContent: [kind, category].filter(Boolean).join(" · ").replaceAll("_", " ")}),
    amount_paise ? element("b", {className: "numbers", textContent: moneyOfPaise(amount_paise)}) : null,
    element("small", {className: "numbers", textContent: rest.filter(Boolean).join(", ")}),
  ].filter(Boolean), [
    element("p", {className: "small"}, element("code", {textContent: `${(previous_hash || "").slice(0, 16) || "–"} → ${(hash || "").slice(0, 16)}`}), by ? element("code", {textContent: `  ${by}`}) : null),
    element("pre", {tabIndex: 0, textContent: JSON.stringify(fields, null, 2)}),
  ])
}

function draw() {
  const rows = {requests: log.map(request), webhooks: webhooks.map(webhook), entries: entries.map(entry)}[tab]
  at("happened").replaceChildren(rows.length ? element("ul", {className: "events"}, rows) : element("p", {className: "empty", textContent: t(`no_${tab}`)}))
}

/** Draw again only what changed, so that a reader's place and focus stay. */
function update() {
  const now = JSON.stringify({tab, log: log.map(({at: when, status}) => [when, status]), webhooks, entries})
  if (now !== shown) {
    shown = now
    draw()
  }
}

export function fillHappened() {
  shown = ""
  at("happened-tabs").replaceChildren(...TABS.map(name => {
    const button = element("button", {type: "button", id: `tab-${name}`, role: "tab", "aria-selected": String(name === tab), "aria-controls": "happened", tabIndex: name === tab ? 0 : -1, textContent: t(name)})
    button.onclick = () => choose(name)
    button.onkeydown = event => {
      const step = {ArrowRight: 1, ArrowLeft: -1}[event.key]
      if (step) choose(TABS[(TABS.indexOf(name) + step + TABS.length) % TABS.length], true)
    }
    return button
  }))
  update()
}

function choose(name, focus = false) {
  tab = name
  fillHappened()
  at("happened").setAttribute("aria-labelledby", `tab-${name}`)
  if (focus) at(`tab-${name}`).focus()
  look()
}

/** Fetch what the service did behind the page. */
export async function look() {
  try {
    const wallet = currentWallet()
    ;[webhooks, entries] = await Promise.all([
      fetch("/_pages/webhooks").then(response => response.json()),
      wallet ? fetch(`/_pages/entries?wallet=${wallet.id}`).then(response => response.json()) : [],
    ])
    update()
  } catch { /* the service is away; the next look tells */ }
}

export function startHappened() {
  onRequest(update)
  setInterval(() => { if (!document.hidden && customer()) look() }, PAUSE_MS)
}
