/* The wallet: what it holds, adding money, and its transactions. */
import {call, get, newKey} from "./api.js"
import {payAtCheckout} from "./checkout.js"
import {at, badge, busy, element, icon, ICONS, pager, showErrors, toast} from "./dom.js"
import {showPayment} from "./payments.js"
import {money, t, time} from "./texts.js"

const CATEGORIES = ["", "top_up", "payment", "refund", "cashback", "reward", "expiry", "dispute", "adjustment"]
const OWN = ["payment", "top_up"] // their sign and their description say what they are
const PERIODS = ["", "1", "7", "30"] // days
const AMOUNTS = ["100", "500", "1000", "2000"]

let wallet = null
let key = newKey()

export const currentWallet = () => wallet

export function showWallet(changed) {
  wallet = changed
  at("balance").textContent = money(wallet.balance)
  const parts = {cashback: wallet.cashback, rewards: wallet.rewards, held: wallet.held, owed: wallet.owed}
  at("parts").replaceChildren(...Object.entries(parts).map(([name, amount]) =>
    element("div", {}, element("dt", {textContent: t(name)}), element("dd", {textContent: money(amount)}))))
  at("blocked").hidden = wallet.is_active
}

export async function loadWallet() {
  showWallet((await get("payments/wallets/")).results[0])
}

/* --- transactions */

function queryOf(page) {
  const form = new FormData(at("filters")), query = new URLSearchParams()
  for (const name of ["type", "category"]) if (form.get(name)) query.set(name, form.get(name))
  if (form.get("period")) {
    const today = new Date(Date.now() + 5.5 * 3_600_000) // a bare date is a day in India
    today.setUTCDate(today.getUTCDate() + 1 - Number(form.get("period")))
    query.set("from", today.toISOString().slice(0, 10))
  }
  if (page > 1) query.set("page", page)
  return query.size ? `?${query}` : ""
}

export async function loadTransactions(page = 1) {
  const found = await get(`payments/wallets/transactions/${queryOf(page)}`)
  at("transactions").replaceChildren(...(found.results.length ? found.results.map(row) : [element("li", {className: "empty", textContent: t("no_transactions")})]))
  pager(at("transaction-pages"), found, page, loadTransactions)
}

function row({type, category, amount, balance_after, description, status, payment, created_at}) {
  const credit = type === "credit"
  const inside = [
    element("span", {className: `sign ${credit ? "good" : ""}`}, icon(ICONS[credit ? "in" : "out"])),
    element("span", {className: "what"},
      element("b", {textContent: description || t(`category_${category}`)}),
      element("small", {}, `${description && !OWN.includes(category) ? `${t(`category_${category}`)} · ` : ""}${time(created_at)} `, status === "completed" ? null : badge(t(status), status === "failed" ? "bad" : "wait"))),
    element("span", {className: "amount numbers"},
      element("b", {className: credit ? "good" : "", textContent: `${credit ? "+" : "−"}${money(amount)}`}),
      element("small", {textContent: t("balance_after", money(balance_after))})),
  ]
  if (!payment) return element("li", {}, element("div", {className: "row"}, inside))
  return element("li", {}, element("button", {type: "button", className: "row", onclick: () => showPayment(payment)}, inside))
}

/* --- adding money */

async function openAdd() {
  showErrors(at("add-error"), null, {amount: at("add-amount")})
  at("add-limit").textContent = ""
  key = newKey()
  at("add").showModal()
  at("add-amount").select()
  try {
    at("add-limit").textContent = t("may_add", money((await get("payments/limits/")).may_add))
  } catch (error) {
    showErrors(at("add-error"), error)
  }
}

async function add() {
  const sent = {amount: at("add-amount").value.trim()}
  if (at("add-save").checked) Object.assign(sent, {save_method: true, contact: at("add-contact").value})
  const inputs = {amount: at("add-amount"), contact: at("add-contact")}
  try {
    showErrors(at("add-error"), null, inputs)
    const {body} = await call("POST", "payments/wallets/add-money/", sent, key)
    at("add").close()
    await payAtCheckout(body)
  } catch (error) {
    if (error.status && at("add").open) key = newKey() // refused: the next attempt is another
    at("add").open ? showErrors(at("add-error"), error, inputs) : toast(error.message, "bad")
  }
}

const showAddAmount = () => { at("add-send").textContent = t("add_amount", money(Number(at("add-amount").value) || 0)) }

export function fillWallet() {
  const [category, period] = [at("category").value, at("period").value]
  at("category").replaceChildren(...CATEGORIES.map(name => new Option(t(`category_${name}`), name)))
  at("period").replaceChildren(...PERIODS.map(days => new Option(t(`period_${days}`), days)))
  at("category").value = category
  at("period").value = period
  at("add-chips").replaceChildren(...AMOUNTS.map(amount => element("button", {type: "button", className: "numbers", textContent: money(amount).replace(/\.00$/, ""),
    onclick: () => { at("add-amount").value = amount; key = newKey(); showAddAmount() }})))
  showAddAmount()
}

export function startWallet() {
  at("add-open").onclick = openAdd
  at("add-amount").oninput = () => { key = newKey(); showAddAmount() }
  at("add-save").onchange = () => { key = newKey(); at("add-contact-block").hidden = !at("add-save").checked }
  at("add-form").onsubmit = event => { event.preventDefault(); busy(at("add-send"), add) }
  at("filters").onchange = () => loadTransactions().catch(error => toast(error.message, "bad"))
  at("filters").onsubmit = event => event.preventDefault()
}
