/* Small helpers to build a page. */
export const at = id => document.getElementById(id)

/** An element with properties, attributes where the name has a dash or is `role`, and children; null children are left out. */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue
    if (name.includes("-") || ["role", "for", "lang"].includes(name)) node.setAttribute(name, value)
    else node[name] = value
  }
  node.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false))
  return node
}

export function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  svg.setAttribute("viewBox", "0 0 24 24")
  svg.setAttribute("aria-hidden", "true")
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path")
  line.setAttribute("d", path)
  svg.append(line)
  return svg
}

export const badge = (text, tone = "") => element("span", {className: `badge ${tone}`, textContent: text})

/** Run `work` with the button busy, so that a second tap sends nothing. */
export async function busy(button, work) {
  if (button.disabled) return
  button.disabled = true
  try {
    return await work()
  } finally {
    button.disabled = false
  }
}

/** Copy a text; an address that is not secure, as that of this machine in its network, has no clipboard of its own. */
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const box = element("textarea", {value: text, className: "hidden"}), before = document.activeElement
  document.body.append(box)
  box.select()
  document.execCommand("copy")
  box.remove()
  before?.focus()
}
