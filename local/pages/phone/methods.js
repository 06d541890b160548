/* The saved methods of all four kinds. */
import {call, get} from "./api.js"
import {at, badge, busy, element, icon, ICONS, showErrors, toast} from "./dom.js"
import {t} from "./texts.js"

// Field -> [value at the start, properties of the input].
const FIELDS = {
  upi: {upi_id: ["asha@okhdfcbank", {inputMode: "email"}], nickname: ["", {}]},
  card: {card_brand: ["Visa", {}], card_last4: ["4242", {inputMode: "numeric", maxLength: 4}], nickname: ["", {}]},
  netbanking: {bank_name: ["HDFC Bank", {}], nickname: ["", {}]},
  wallet: {wallet_provider: ["Mobikwik", {}], wallet_number: ["9876543210", {inputMode: "tel"}], nickname: ["", {}]},
}
let changed = () => {}

export const onMethods = listener => { changed = listener }

/** How a method is called: its nickname, or what it is. */
export function nameOf({type, nickname, card_brand, last4, upi_id, bank_name, wallet_provider, provider}) {
  if (nickname) return nickname
  if (type === "card") return `${card_brand || t("card")} •••• ${last4}`
  return upi_id || bank_name || wallet_provider || provider || t(type === "wallet" ? "wallet_kind" : type)
}

const detailOf = ({type, status, card_brand, last4, upi_id, bank_name, wallet_provider, wallet_number, nickname}) =>
  status ? t("kept_by_razorpay", status)
    : {upi: nickname ? upi_id : t("upi"), card: nickname ? `${card_brand} •••• ${last4}` : t("card"), netbanking: nickname ? bank_name : t("netbanking"), wallet: [nickname && wallet_provider, wallet_number].filter(Boolean).join(" ") || t("wallet_kind")}[type]

export async function loadMethods() {
  const {results} = await get("payments/payment-methods/")
  at("method-list").replaceChildren(...(results.length ? results.map(row) : [element("li", {className: "empty", textContent: t("no_methods")})]))
  changed(results)
}

function row(method) {
  const name = nameOf(method)
  return element("li", {},
    element("span", {className: "sign"}, icon(ICONS[method.type])),
    element("span", {className: "what"}, element("b", {textContent: name}), element("small", {textContent: detailOf(method)})),
    method.is_default ? badge(t("default"), "good")
      : element("button", {type: "button", className: "plain small", "aria-label": t("set_default_of", name), textContent: t("set_default"), onclick: event => act(event, () => call("POST", `payments/payment-methods/${method.id}/set_default/`, {}))}),
    element("button", {type: "button", className: "icon danger", "aria-label": t("delete_of", name), onclick: event => act(event, () => call("DELETE", `payments/payment-methods/${method.id}/`), "method_deleted")}, icon(ICONS.trash)),
  )
}

function act(event, work, done) {
  return busy(event.currentTarget, async () => {
    try {
      await work()
      if (done) toast(t(done), "good")
      await loadMethods()
    } catch (error) {
      toast(error.message, "bad")
    }
  })
}

const kind = () => document.querySelector("input[name=kind]:checked").value
const inputs = () => Object.fromEntries([...at("method-fields").querySelectorAll("input")].map(input => [input.name, input]))

export function fillMethods() {
  showErrors(at("method-error"), null)
  at("method-fields").replaceChildren(...Object.entries(FIELDS[kind()]).map(([name, [value, properties]]) =>
    element("label", {className: "field"}, t(name), element("input", {name, value, autocomplete: "off", "aria-describedby": "method-error", ...properties}))))
}

async function add() {
  const fields = inputs(), sent = {type: kind(), is_default: at("method-default").checked}
  for (const [name, input] of Object.entries(fields)) if (input.value.trim()) sent[name] = input.value.trim()
  try {
    showErrors(at("method-error"), null, fields)
    await call("POST", "payments/payment-methods/", sent)
    at("method-default").checked = false
    toast(t("method_saved"), "good")
    await loadMethods()
  } catch (error) {
    showErrors(at("method-error"), error, fields)
  }
}

export function startMethods() {
  for (const radio of document.querySelectorAll("input[name=kind]")) radio.onchange = fillMethods
  at("method-form").onsubmit = event => { event.preventDefault(); busy(event.submitter ?? at("method-form"), add) }
}
