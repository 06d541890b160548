/* What the phone page is built of. */
import {at, element} from "../dom.js"
import {t} from "./texts.js"

export {at, badge, busy, copy, element, icon} from "../dom.js"

export const ICONS = {
  in: "M17 7L7 17M7 9v8h8",
  out: "M7 17L17 7M9 7h8v8",
  upi: "M7 3h10v18H7zM11 18h2",
  card: "M3 6h18v12H3zM3 10h18M7 15h3",
  netbanking: "M3 10l9-6 9 6M5 10v8M10 10v8M14 10v8M19 10v8M3 20h18",
  wallet: "M4 7h15v12H4zM4 7l11-3v3M15 13h4",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  close: "M6 6l12 12M18 6L6 18",
}

let forgetting = 0

/** A short message at the top of the phone; tones: good, bad, wait. */
export function toast(text, tone = "") {
  clearTimeout(forgetting)
  at("toast").replaceChildren(element("p", {className: tone}, text))
  forgetting = setTimeout(() => at("toast").replaceChildren(), tone === "bad" ? 12_000 : 7_000)
}

/** Put a form's errors in words beside it, and mark the fields; returns whether the error was about fields. */
export function showErrors(box, error, inputs = {}) {
  for (const input of Object.values(inputs)) input.removeAttribute("aria-invalid")
  if (!error) return box.replaceChildren()
  for (const name of Object.keys(error.fields ?? {})) inputs[name]?.setAttribute("aria-invalid", "true")
  box.textContent = error.message
  inputs[Object.keys(error.fields ?? {})[0]]?.focus()
}

/** Links to the pages before and after. */
export function pager(nav, {count, next, previous}, page, open) {
  const pages = Math.max(1, Math.ceil(count / 20))
  nav.hidden = pages === 1
  nav.replaceChildren(
    element("button", {type: "button", disabled: !previous, onclick: () => open(page - 1)}, t("newer")),
    element("span", {className: "small soft numbers"}, t("page_of", page, pages)),
    element("button", {type: "button", disabled: !next, onclick: () => open(page + 1)}, t("older")),
  )
}
