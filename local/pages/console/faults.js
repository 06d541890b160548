/* Faults by switch, the clock, and functions that run now. The strip below the bar says what is not as usual. */
import {at, element} from "../dom.js"
import {act} from "../desk/parts.js"
import {gateway, read, service} from "./machine.js"
import {t} from "./texts.js"

const MANY = 1_000_000 // calls that a fault of Razorpay lasts
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
const S3_FAULTS = ["GetObject", "PutObject"]
const TABLES = ["WalletEntriesTable"]
const NAMES = {"": "works", timeout_after: "slow", refuse: "away", 500: "errors"}
let changed = () => {}

/** Read the state of every switch, and say on the strip what is not as usual. */
export async function loadFaults() {
  const [{holding, faults}, {s3, tables, issuer, uploads_twice}, {ahead_s}] = await Promise.all([read("stand-in"), service("faults"), service("clock", {forward_s: 0})])
  const fault = faults.find(({times}) => times > 0)?.fault ?? ""
  Object.assign(at("hold"), {checked: holding})
  Object.assign(at("s3"), {checked: s3.length > 0})
  Object.assign(at("tables"), {checked: tables.length > 0})
  Object.assign(at("twice"), {checked: uploads_twice})
  Object.assign(at("issuer"), {checked: issuer})
  const radio = document.querySelector(`input[name=razorpay][value="${CSS.escape(fault)}"]`)
  if (radio) radio.checked = true
  at("ahead").textContent = clock(ahead_s)
  const unusual = [
    fault && t("razorpay_is", t(NAMES[fault] ?? fault)), holding && t("hold_webhooks"), tables.length && t("fault_tables"), s3.length && t("fault_s3"),
    uploads_twice && t("fault_twice"), issuer && t("fault_issuer"), ahead_s && t("clock_ahead", clock(ahead_s)),
  ].filter(Boolean)
  at("strip").replaceChildren(...unusual.map(text => element("span", {textContent: text})))
}

function clock(ahead_s) {
  if (!ahead_s) return t("on_time")
  const parts = [["days", 86_400, Infinity], ["hours", 3_600, 24], ["minutes", 60, 60]].map(([unit, seconds, most]) => [unit, Math.floor(ahead_s / seconds) % (most === Infinity ? 1e9 : most)])
  return t("ahead", parts.filter(([, count]) => count).map(([unit, count]) => t(unit, count)).join(" ") || `${ahead_s} s`)
}

async function invoke(name) {
  const result = await service("invoke", {function: name})
  at("result").hidden = false
  const found = Object.entries(result ?? {}).filter(([, count]) => count)
  at("result").textContent = found.length ? found.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join("\n") : t("nothing_due")
  await changed()
}

export function startFaults(onChange) {
  changed = onChange
  const set = body => act(async () => { await service("faults", body()); await loadFaults() })
  at("s3").onchange = set(() => ({s3: at("s3").checked ? S3_FAULTS : []}))
  at("tables").onchange = set(() => ({tables: at("tables").checked ? TABLES : []}))
  at("twice").onchange = set(() => ({uploads_twice: at("twice").checked}))
  at("issuer").onchange = set(() => ({issuer: at("issuer").checked}))
  for (const radio of document.querySelectorAll("input[name=razorpay]"))
    radio.onchange = act(async () => { await gateway("faults", radio.value ? METHODS.map(method => ({method, path: "/v1", fault: radio.value, times: MANY})) : []); await loadFaults() })
  for (const button of document.querySelectorAll("[data-forward]")) button.onclick = act(async () => { await service("clock", {forward_s: Number(button.dataset.forward)}); await changed() })
  for (const button of document.querySelectorAll("[data-invoke]")) button.onclick = act(() => invoke(button.dataset.invoke))
}
