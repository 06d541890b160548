/* The language of the pages, which the browser remembers, and how they write money, times and sizes. */
const LANGUAGES = ["en", "hi"]
const NAMES = ["English", "हिन्दी"]
const SHORT = {day: "numeric", month: "short", hour: "numeric", minute: "2-digit", timeZone: "Asia/Kolkata"}

const storage = name => {
  try { return localStorage[name] } catch { return undefined } // a frame may have no storage
}
let language = LANGUAGES.includes(storage("language")) ? storage("language") : "en"

export const currentLanguage = () => language

/** Use a language if there is one of this name, such as "hi". */
export function useLanguage(name) {
  if (LANGUAGES.includes(name)) language = name
}

export function switchLanguage() {
  language = language === "en" ? "hi" : "en"
  try { localStorage.language = language } catch { /* forgotten with the page */ }
}

/** Let a button switch the language, and draw the page again; it has the name of the other language. */
export function languageButton(button, draw) {
  const name = () => {
    const other = 1 - LANGUAGES.indexOf(language)
    Object.assign(button, {textContent: NAMES[other], lang: LANGUAGES[other]})
  }
  button.onclick = () => { switchLanguage(); name(); draw() }
  name()
}

/** The functions of a page's texts, which are `{key: [English, Hindi]}`. */
export function texts(table) {
  /** The text in the current language; `{0}`, `{1}` stand for the values. */
  const t = (key, ...values) => {
    const text = table[key]?.[LANGUAGES.indexOf(language)] ?? String(key).replaceAll("_", " ")
    return text.replace(/\{(\d)\}/g, (_, index) => values[index] ?? "")
  }

  /** The keys that lack a text in one of the languages, or whose values differ between them. */
  const missing = () => Object.entries(table).filter(([, both]) => {
    const values = both.map(text => (text.match(/\{\d\}/g) ?? []).sort().join())
    return both.length !== LANGUAGES.length || both.some(text => !text) || new Set(values).size > 1
  }).map(([key]) => key)

  /** Fill the texts of the page's own markup. */
  const fill = () => {
    document.documentElement.lang = language
    for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text)
    for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label))
    for (const node of document.querySelectorAll("[data-hint]")) node.placeholder = t(node.dataset.hint)
  }
  return {t, missing, fill}
}

const locale = () => (language === "hi" ? "hi-IN-u-nu-latn" : "en-IN")

/** Rupees as the API writes them, in lakhs and crores. */
export const money = amount => new Intl.NumberFormat(locale(), {style: "currency", currency: "INR"}).format(amount ?? 0)
export const moneyOfPaise = paise => money(paise / 100)
export const count = number => new Intl.NumberFormat(locale(), {maximumFractionDigits: number < 10 ? 1 : 0}).format(number)

/** Date and time in India; the year only if it is another than this one. */
export function time(text) {
  const when = new Date(text), isOld = when.getFullYear() !== new Date().getFullYear()
  return new Intl.DateTimeFormat(locale(), {...SHORT, ...(isOld && {year: "numeric"})}).format(when)
}
export const day = text => new Intl.DateTimeFormat(locale(), {dateStyle: "medium", timeZone: "Asia/Kolkata"}).format(new Date(text))
export const hourAndMinute = text => new Intl.DateTimeFormat(locale(), {hour: "numeric", minute: "2-digit", timeZone: "Asia/Kolkata"}).format(new Date(text))

export function size(bytes) {
  if (bytes < 1e3) return `${bytes} B`
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(bytes < 1e4 ? 1 : 0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}
