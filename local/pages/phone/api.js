/* Requests to the API as the app sends them, with a log of each for the page's second half. */
import {t} from "./texts.js"

export const log = []
export const NEWEST = 60
const listeners = []
let customers = []
let current = 0

export const onRequest = listener => listeners.push(listener)
export const customer = () => customers[current]

export class ApiError extends Error {
  /** `status` is 0 without a response; `fields` maps field names to texts. */
  constructor(status, body, code = "") {
    const fields = body && !body.detail ? body : null
    const texts = fields && Object.values(fields).flat().join(" ")
    super(body?.detail ?? texts ?? t("offline"))
    Object.assign(this, {status, fields, code: code || body?.code || ""})
  }
}

/** The customers, the stand-in's address and the staff, from this machine. */
export async function start() {
  const ready = await (await fetch("/_pages/ready")).json()
  customers = ready.customers
  current = Math.max(0, customers.findIndex(({id}) => id === localStorage.customer))
  return ready
}

export function choose(index) {
  current = index
  localStorage.customer = customers[index].id
}

/** The customer's verified phone number, from the token; a number of nobody's if it has none. */
export const phoneNumber = () => JSON.parse(atob(customer().token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).phone_number ?? "+919876543210"

export const newKey = () => crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("")

/** Send one request; returns `{status, body, headers}` or throws ApiError. `key` is an Idempotency-Key. */
export async function call(method, path, sent, key) {
  const headers = {Authorization: `Bearer ${customer().token}`}
  if (sent !== undefined) headers["Content-Type"] = "application/json"
  if (key) headers["Idempotency-Key"] = key
  const body = sent === undefined ? undefined : JSON.stringify(sent)
  const entry = {method, url: `${location.origin}/api/${path}`, headers, sent: body, at: new Date(), status: null, ms: null, response: null}
  log.unshift(entry)
  log.length = Math.min(log.length, NEWEST)
  const started = performance.now()
  try {
    const response = await fetch(entry.url, {method, headers, body})
    const text = await response.text()
    entry.status = response.status
    try { entry.response = text ? JSON.parse(text) : null } catch { entry.response = text }
    entry.code = response.headers.get("X-Error-Code")
    if (!response.ok) throw new ApiError(response.status, entry.response, entry.code)
    return {status: response.status, body: entry.response, headers: response.headers}
  } catch (error) {
    if (error instanceof ApiError) throw error
    entry.status = 0
    throw new ApiError(0, null)
  } finally {
    entry.ms = Math.round(performance.now() - started)
    for (const listener of listeners) listener()
  }
}

/** The body of a GET. It never comes if another customer is on the page by then. */
export async function get(path) {
  const asked = customer()
  const {body} = await call("GET", path)
  return customer() === asked ? body : new Promise(() => {})
}

/** A request to another address, such as a presigned upload, for the log alone. */
export function noteUpload(upload, file) {
  const entry = {method: upload.method, url: upload.url, headers: upload.headers, at: new Date(), status: null, ms: null, response: null,
    file: file.name, form: upload.method === "POST" ? upload.fields : null}
  log.unshift(entry)
  for (const listener of listeners) listener()
  return (status, ms) => {
    Object.assign(entry, {status, ms: Math.round(ms)})
    for (const listener of listeners) listener()
  }
}

const quoted = text => `'${String(text).replaceAll("'", `'\\''`)}'`

/** The request as a curl command that a shell takes as it is. */
export function curl({method, url, headers, sent, file, form}) {
  const parts = ["curl"]
  if (method !== "GET" && !(method === "POST" && (sent || form))) parts.push(`-X ${method}`)
  for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quoted(`${name}: ${value}`)}`)
  if (sent) parts.push(`-d ${quoted(sent)}`)
  for (const [name, value] of Object.entries(form ?? {})) parts.push(`--form-string ${quoted(`${name}=${value}`)}`)
  if (form) parts.push(`-F ${quoted(`file=@${file}`)}`)
  else if (file) parts.push(`-T ${quoted(file)}`)
  return [...parts, quoted(url)].join(" ")
}
