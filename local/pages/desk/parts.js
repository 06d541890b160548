/* What the console and the staff's page are built of: facts, tables, lists, forms and messages. */
import {at, element} from "../dom.js"
import {t} from "./texts.js"

const TONES = {
  captured: "good", processed: "good", done: "good", won: "good", approved: "good", applied: "good", resolved: "good", ready: "good", completed: "good",
  failed: "bad", returned: "bad", lost: "bad", rejected: "bad",
  created: "wait", authorized: "wait", pending: "wait", requested: "wait", sending: "wait", proposed: "wait", open: "wait", under_review: "wait", processing: "wait", awaiting_upload: "wait",
}
let forgetting = 0

export const WIDE_PX = 992 // of a window with lists and details side by side

export const words = text => String(text).replaceAll("_", " ")
export const toneOf = value => TONES[value] ?? ""
export const newKey = () => crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("")

/** A short message above the page's lower edge; tones: good, bad. */
export function say(text, tone = "") {
  clearTimeout(forgetting)
  at("say").replaceChildren(...(text ? [element("p", {className: tone, textContent: text})] : []))
  forgetting = setTimeout(() => at("say").replaceChildren(), tone === "bad" ? 12_000 : 6_000)
}

/** Do something for a control, which is busy meanwhile, and say what went wrong. */
export const act = work => async event => {
  const button = event?.currentTarget?.tagName === "BUTTON" ? event.currentTarget : null
  if (button) button.disabled = true
  try {
    return await work(event)
  } catch (error) {
    say(error.message, "bad")
  } finally {
    if (button) button.disabled = false
  }
}

/** Fill a place with what `load` returns; until then it says that it loads, and afterwards what went wrong.
 *
 * `load` gets a function that says whether the place still waits for it, and not for a later call.
 */
export async function fillWith(place, load) {
  const turn = Symbol()
  place.turn = turn
  const waiting = setTimeout(() => place.replaceChildren(element("p", {className: "wait", role: "status", textContent: t("loading")})), 250)
  try {
    const nodes = await load(() => place.turn === turn)
    if (place.turn === turn) place.replaceChildren(...[nodes].flat(Infinity).filter(Boolean))
  } catch (error) {
    if (place.turn === turn) place.replaceChildren(element("p", {className: "verdict bad", role: "alert", textContent: error.message}))
  } finally {
    clearTimeout(waiting)
  }
}

export const empty = text => element("p", {className: "empty", textContent: text})
export const part = (title, content) => [element("h3", {textContent: title}), content]

/** A list of names and values; those without a value are left out. */
export const facts = pairs => element("dl", {className: "facts"}, pairs.filter(([, value]) => ![null, undefined, "", false, 0].includes(value)).map(([name, value]) =>
  element("div", {}, element("dt", {textContent: name}), element("dd", {}, value))))

/** A table; names that end with "#" head columns of amounts. */
export function table(title, names, rows) {
  if (!rows.length) return empty(t("none"))
  const sum = names.map(name => name.endsWith("#"))
  return element("div", {className: "scroll", tabIndex: 0, role: "region", "aria-label": t("table_of", title)}, element("table", {},
    element("thead", {}, element("tr", {}, names.map((name, index) => element("th", {scope: "col", className: sum[index] ? "sum" : "", textContent: name.replace(/#$/, "")})))),
    element("tbody", {}, rows.map(cells => element("tr", {}, cells.map((cell, index) => element("td", {className: sum[index] ? "sum" : ""}, cell ?? "")))))))
}

export const code = text => (text ? element("code", {textContent: text}) : null)

/** A control with its label. `options` makes a choice of it; the other properties are the input's. */
export function field(label, {name, options, ...properties}) {
  const input = options
    ? element("select", {name, ...properties}, options.map(([value, text]) => new Option(text, value)))
    : element("input", {name, autocomplete: "off", ...properties})
  return element("label", {className: "field"}, label, input)
}

/** A form that is folded until somebody wants it. `send` gets the fields that are filled in, and a key for its requests. */
export function action(title, {group, fields, submit, send, danger = false}) {
  const problem = element("p", {className: "error", role: "alert"})
  let key = newKey()
  const button = element("button", {className: danger ? "danger" : "first", textContent: submit})
  const form = element("form", {noValidate: true}, fields, problem, element("div", {className: "buttons"}, button))
  form.oninput = () => { key = newKey() }
  form.onsubmit = async event => {
    event.preventDefault()
    problem.textContent = ""
    if (button.disabled) return
    button.disabled = true
    try {
      await send(Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value)), key)
    } catch (error) {
      problem.textContent = error.message
      for (const input of form.elements) error.fields?.[input.name] ? input.setAttribute("aria-invalid", "true") : input.removeAttribute("aria-invalid")
      if (error.status) key = newKey()
    } finally {
      button.disabled = false
    }
  }
  return element("details", {className: "act"}, element("summary", {}, element("span", {textContent: title}), group ? element("small", {textContent: t(`for_${group}`)}) : null), form)
}
