/* The staff's page. It is static: it works with the staff's API of any stack, whose address and token are given.
 *
 * They come from the form, from the address's fragment (`#api=https://…&token=…`), or on a developer's machine from
 * `make run`. They stay in memory: the fragment is removed at once, and nothing is stored.
 */
import {at, element} from "../dom.js"
import {languageButton} from "../lang.js"
import {api, bearer, connect} from "./api.js"
import {act, empty, fillWith, say} from "./parts.js"
import {disputeQueue, proposalQueue, reviewQueue, webhookQueue} from "./queues.js"
import {find, record} from "./record.js"
import {fill, t} from "./texts.js"

const SECTIONS = ["search", "reviews", "proposals", "disputes", "unusable"]
const FILTERED = ["review", "proposal", "dispute"]
let people = []
let customers = []
let shown = null // kind and id of the record on the page
let loaders = {}

const section = () => (SECTIONS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "search")

/* --- search */

async function open(kind, id) {
  shown = [kind, id]
  if (section() !== "search") location.hash = "search"
  await showRecord()
}

const showRecord = () => fillWith(at("found"), () => (shown ? record(...shown, open) : empty(t("find_lead"))))

async function search() {
  const q = at("q").value.trim()
  if (!q) return
  shown = null
  const nodes = await find(q, open)
  if (nodes) at("found").replaceChildren(nodes)
}

/* --- sections */

function showSection() {
  for (const part of document.querySelectorAll("[data-section]")) part.hidden = part.dataset.section !== section()
  for (const link of document.querySelectorAll(".tabs a[href^='#']")) link.hash === `#${section()}` ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current")
  document.querySelector(".tabs [aria-current]")?.scrollIntoView({block: "nearest", inline: "nearest"})
  loaders[section()]?.()
}

function startSections() {
  loaders = {
    reviews: reviewQueue(at("review-list"), at("review"), () => at("review-status").value, open),
    proposals: proposalQueue(at("proposal-list"), at("proposal"), () => at("proposal-status").value, open),
    disputes: disputeQueue(at("dispute-list"), at("dispute"), () => at("dispute-status").value, open),
    unusable: webhookQueue(at("webhook-list"), at("webhook")),
  }
  for (const name of FILTERED) at(`${name}-status`).onchange = () => loaders[`${name}s`]()
}

function drawLists() {
  const statuses = values => values.map(value => new Option(t(`status_${value}`), value))
  const choices = {
    review: statuses(["open", "resolved"]),
    proposal: statuses(["proposed", "approved", "done", "rejected", "lapsed"]),
    dispute: [new Option(t("status_any"), ""), new Option(t("answer_due"), "true")],
  }
  for (const name of FILTERED) {
    const before = at(`${name}-status`).value
    at(`${name}-status`).replaceChildren(...choices[name])
    if (before) at(`${name}-status`).value = before
  }
  at("people").hidden = !customers.length
  at("people").replaceChildren(...customers.map(({id, name}) => element("button", {type: "button", textContent: name, onclick: () => open("customer", id)})))
}

/* --- who works where */

/** Begin to work with an API as somebody. */
function begin(address, token) {
  connect(address, token)
  at("connect").hidden = true
  at("desk").hidden = false
  for (const link of document.querySelectorAll(".tabs a[href^='#']")) link.hidden = false
  const {id, groups} = bearer()
  at("me").textContent = people.length ? "" : [id.slice(0, 8) || t("someone"), groups.join(" + ")].filter(Boolean).join(", ")
  showSection()
  showRecord()
}

function ask() {
  at("connect").hidden = false
  at("desk").hidden = true
  for (const link of document.querySelectorAll(".tabs a[href^='#']")) link.hidden = true
  at("address").focus()
}

at("connect-form").onsubmit = async event => {
  event.preventDefault()
  at("connect-error").textContent = ""
  if (!/^https?:\/\/./.test(at("address").value)) { at("connect-error").textContent = t("bad_address"); return }
  connect(at("address").value, at("token").value)
  try {
    await api("reviews/")
    begin(at("address").value, at("token").value)
    at("token").value = ""
  } catch (error) {
    at("connect-error").textContent = error.message
  }
}

/** The address and the token of the fragment, which is removed from the address bar. */
function takeFragment() {
  const given = new URLSearchParams(location.hash.slice(1))
  if (!given.has("api") && !given.has("token")) return null
  history.replaceState(null, "", `${location.pathname}${location.search}`)
  return {api: given.get("api") ?? location.origin, token: given.get("token") ?? ""}
}

async function machine() {
  try {
    const response = await fetch("/_pages/ready")
    return response.ok ? await response.json() : null
  } catch {
    return null // a stack that is deployed
  }
}

function draw() {
  fill()
  drawLists()
  if (at("desk").hidden) return
  startSections()
  showSection()
  showRecord()
}

const given = takeFragment()
fill()
drawLists()
startSections()
languageButton(at("language"), draw)
at("find").onsubmit = event => { event.preventDefault(); act(search)() }
addEventListener("hashchange", () => { if (!at("desk").hidden) { showSection(); at("main").focus({preventScroll: true}) } })
if (given) {
  at("address").value = given.api
  given.token ? begin(given.api, given.token) : ask()
} else {
  const ready = await machine()
  if (!ready) ask()
  else {
    people = ready.staff
    customers = ready.customers
    drawLists()
    at("home").href = "/console"
    at("who").replaceChildren(...people.map(({name, groups}, index) => new Option(`${name}, ${groups.join(" + ")}`, index)))
    at("as").hidden = false
    at("who").onchange = () => { begin(location.origin, people[at("who").value].token); say("") }
    begin(location.origin, people[0].token)
  }
}
