/* The console: what only a developer's machine offers, and every payment as staff see it. */
import {at, element} from "../dom.js"
import {connect} from "../desk/api.js"
import {WIDE_PX, act, empty, fillWith, say} from "../desk/parts.js"
import {find, paymentList, record} from "../desk/record.js"
import {languageButton} from "../lang.js"
import {loadDashboards} from "./dashboards.js"
import {loadFaults, startFaults} from "./faults.js"
import {read} from "./machine.js"
import {loadPhotos} from "./photos.js"
import {fill, t} from "./texts.js"
import {loadWebhooks, startWebhooks} from "./webhooks.js"

const PAUSE_MS = 2500
const LOADERS = {payments: loadNewest, webhooks: loadWebhooks, photos: loadPhotos, faults: loadFaults, dashboards: loadDashboards}
let staff = []
let shown = null // kind and id of the record on the page
let drawn = ""

const section = () => (location.hash.slice(1) in LOADERS ? location.hash.slice(1) : "payments")

/* --- payments and wallets */

const entriesOf = wallet => read(`entries?wallet=${wallet}`)

async function open(kind, id) {
  shown = [kind, id]
  await fillWith(at("found"), () => record(kind, id, open, entriesOf))
  if (innerWidth < WIDE_PX) at("found").scrollIntoView({block: "start"})
}

async function search() {
  const nodes = at("q").value.trim() && (await find(at("q").value.trim(), open))
  if (!nodes) return
  shown = null
  at("found").replaceChildren(nodes)
}

async function loadNewest() {
  const payments = await read("payments"), now = JSON.stringify([payments, document.documentElement.lang])
  if (now === drawn) return
  drawn = now
  const rows = payments.map(({amount_paise, created_at_us, ...payment}) => ({...payment, amount: amount_paise / 100, created_at: created_at_us / 1000}))
  at("newest").replaceChildren(rows.length ? paymentList(rows, open) : empty(t("no_payments")))
  if (rows.length && !shown && innerWidth >= WIDE_PX) await open("payment", rows[0].id)
}

/** What may be different after a control was used. */
async function refresh() {
  await loadFaults()
  await LOADERS[section()]()
  if (shown && section() === "payments") await open(...shown)
}

/* --- sections */

function showSection() {
  for (const part of document.querySelectorAll("[data-section]")) part.hidden = part.dataset.section !== section()
  for (const link of document.querySelectorAll(".tabs a[href^='#']")) link.hash === `#${section()}` ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current")
  document.querySelector(".tabs [aria-current]")?.scrollIntoView({block: "nearest", inline: "nearest"})
  return act(LOADERS[section()])()
}

function draw() {
  fill()
  showSection()
  act(loadFaults)()
  if (shown) open(...shown)
  else at("found").replaceChildren(empty(t("choose_payment")))
}

function work() {
  connect(location.origin, staff[at("who").value].token)
  if (shown) open(...shown)
}

/* --- start */

fill()
languageButton(at("language"), draw)
startWebhooks(refresh)
startFaults(refresh)
at("found").replaceChildren(empty(t("choose_payment")))
at("find").onsubmit = event => { event.preventDefault(); act(search)() }
addEventListener("hashchange", () => { showSection(); at("main").focus({preventScroll: true}); scrollTo(0, 0) })
await act(async () => {
  const ready = await read("ready")
  staff = ready.staff
  at("who").replaceChildren(...staff.map(({name, groups}, index) => new Option(`${name}, ${groups.join(" + ")}`, index)))
  at("people").replaceChildren(...ready.customers.map(({id, name}) => element("button", {type: "button", textContent: name, onclick: () => open("customer", id)})))
  at("who").onchange = () => { work(); say("") }
  work()
  await Promise.all([loadFaults(), showSection()])
})()
setInterval(() => { if (!document.hidden) LOADERS[section()]().catch(() => {}) }, PAUSE_MS)
