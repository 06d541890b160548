// A browser, customers and the local stack's controls, for the tests of the pages.
import {readFileSync} from "node:fs"
import {createRequire} from "node:module"
import {after, before} from "node:test"
import {crc32, deflateSync} from "node:zlib"

import {chromium} from "playwright-core"

export const {API, RAZORPAY, ELSEWHERE, PAGES, SCREENSHOTS} = process.env
export const PHONE = {width: 390, height: 844}
export const DESK = {width: 1440, height: 900}
export const WAIT_MS = 15_000
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
const SMALLEST_PX = 44

let browser

/** Start a browser before the tests of a file, and end it after them. */
export function useBrowser() {
  before(async () => { browser = await chromium.launch({executablePath: process.env.CHROMIUM, args: FLAGS}) })
  after(() => browser.close())
}

async function post(url, body) {
  const response = await fetch(url, {method: "POST", body: JSON.stringify(body)})
  if (!response.ok) throw Error(`${url}: ${await response.text()}`)
  return response.json()
}

export const control = (action, body = {}) => post(`${RAZORPAY}/_control/${action}`, body)
export const local = (action, body = {}) => post(`${API}/_local/${action}`, body)

/** A customer whose token proves a phone number that no other test has. */
export async function newCustomer(name) {
  const phone = `+919${String(Date.now()).slice(-9)}`
  return {...(await local("customers", {name, phone})), phone}
}

/** What the page learns of this machine: addresses, customers and staff. */
export const ready = async () => (await fetch(`${API}/_pages/ready`)).json()

/** A request of a member of staff, by their first name, beside the page. */
export async function asStaff(name, method, path, body, key) {
  const {token} = (await ready()).staff.find(person => person.name === name)
  return call({token}, method, `staff/${path}`, body, key ? {"Idempotency-Key": key} : {})
}

/** A picture of one colour. */
export function png(width = 64, height = 48) {
  const row = Buffer.alloc(1 + width * 3, 120)
  row[0] = 0
  const chunk = (kind, data) => {
    const name = Buffer.from(kind), length = Buffer.alloc(4), sum = Buffer.alloc(4)
    length.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc32(Buffer.concat([name, data])))
    return Buffer.concat([length, name, data, sum])
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width)
  head.writeUInt32BE(height, 4)
  head.set([8, 2, 0, 0, 0], 8)
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), chunk("IHDR", head), chunk("IDAT", deflateSync(Buffer.concat(Array(height).fill(row)))), chunk("IEND", Buffer.alloc(0))])
}

/** Upload a photo beside the page, and wait until it is stored or rejected. */
export async function uploadPhoto(customer, bytes) {
  const {id, upload} = await call(customer, "POST", "mobile/upload-image/?method=put", {content_type: "image/png", size_bytes: bytes.length})
  const sent = await fetch(upload.url, {method: "PUT", headers: upload.headers, body: bytes})
  if (!sent.ok) throw Error(await sent.text())
  for (let tries = 0; tries < 100; tries += 1) {
    const photo = await call(customer, "GET", `mobile/images/${id}/`)
    if (["ready", "rejected"].includes(photo.status)) return photo
    await new Promise(resolve => setTimeout(resolve, 150))
  }
  throw Error("the photo is not processed")
}

/** A payment in review: its order was paid twice. */
export async function paidTwice(customer, amount) {
  const payment = await topUp(customer, amount)
  await control("double_pay", {order_id: payment.gateway_order_id})
  for (let tries = 0; tries < 50; tries += 1) {
    const {in_review} = await call(customer, "GET", `payments/payments/${payment.id}/`)
    if (in_review) return payment
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw Error("the payment does not come into review")
}

/** A request of the customer's to the API, beside the page. */
export async function call(customer, method, path, body, headers = {}) {
  const response = await fetch(`${API}/api/${path}`, {method, body: body && JSON.stringify(body), headers: {Authorization: `Bearer ${customer.token}`, "Content-Type": "application/json", ...headers}})
  if (!response.ok) throw Error(`${method} ${path}: ${await response.text()}`)
  return response.status === 204 ? null : response.json()
}

/** A payment through Razorpay that the customer paid, beside the page; the customer's wallet has the money if it is a top-up. */
export async function topUp(customer, amount, choice = {}) {
  const payment = await call(customer, "POST", "payments/wallets/add-money/", {amount, ...choice.sent})
  const fields = await control("pay", {order_id: payment.gateway_order_id, ...choice.paid, ...(payment.checkout.customer_id && {customer_id: payment.checkout.customer_id})})
  return call(customer, "POST", `payments/payments/${payment.id}/verify/`, fields)
}

export async function newPage(options = {}) {
  const context = await browser.newContext({viewport: PHONE, locale: "en-IN", timezoneId: "Asia/Kolkata", ...options})
  const page = await context.newPage()
  page.setDefaultTimeout(WAIT_MS)
  page.errors = []
  page.on("pageerror", error => page.errors.push(error.message))
  return page
}

/** The phone page for a new customer, whose name is Chitra. */
export async function openPhone({screen = "wallet", customer = null, ...options} = {}) {
  const page = await newPage(options)
  page.customer = customer ?? (await newCustomer("Chitra"))
  await page.route("**/_pages/ready", async route => {
    const response = await route.fetch(), ready = await response.json()
    await route.fulfill({response, json: {...ready, customers: [page.customer, ...ready.customers]}})
  })
  await page.goto(`${API}/#${screen}`)
  await page.locator("#customer option").first().waitFor({state: "attached"})
  await page.waitForFunction(() => document.getElementById("balance").textContent !== "₹–")
  return page
}

export const checkoutOf = page => page.frameLocator("iframe[title='Razorpay checkout']")

/** Wait until the text is there, once or more. */
export const see = (place, text) => place.getByText(text).filter({visible: true}).first().waitFor()

export async function balance(page, amount) {
  await page.waitForFunction(text => document.getElementById("balance").textContent === text, amount)
}

/** Open the form, enter the amount and go to checkout. */
export async function startTopUp(page, amount) {
  await page.getByRole("button", {name: "Add money"}).click()
  const form = page.getByRole("dialog", {name: "Add money"})
  await form.getByLabel("Amount in rupees").fill(amount)
  await form.getByRole("button", {name: /^Add ₹/}).click()
  const sheet = checkoutOf(page)
  await sheet.getByRole("button", {name: /^Pay ₹/}).and(sheet.locator(":enabled")).waitFor()
  return sheet
}

export const choose = (place, group, name) => place.getByRole("group", {name: group}).getByRole("radio", {name}).check()

export async function otherwise(sheet, name) {
  await sheet.getByText("Let something else happen").click()
  await sheet.getByRole("button", {name}).click()
}

/** What axe finds that is serious, in words. */
export async function seriousFindings(frame) {
  await frame.evaluate(AXE)
  const {violations} = await frame.evaluate(() => window.axe.run(document, {iframes: false}))
  return violations.filter(({impact}) => ["serious", "critical"].includes(impact)).map(({id, nodes}) => `${id}: ${nodes.map(({target, failureSummary}) => `${target} ${failureSummary}`).join(" | ")}`)
}

/** The controls whose target is smaller than a finger, in words. A label counts as its control's target. */
export function smallTargets(frame) {
  return frame.evaluate(smallest => {
    const shown = node => node.checkVisibility({checkOpacity: false, checkVisibilityCSS: true}) && node.getClientRects().length
    return [...document.querySelectorAll("button, select, input, a[href], summary, textarea")].filter(shown).flatMap(node => {
      const label = node.closest("label")
      const boxes = [node, ...(label && ["radio", "checkbox", "file"].includes(node.type) ? [label] : [])].map(part => part.getBoundingClientRect())
      return boxes.some(({width, height}) => width >= smallest - 0.5 && height >= smallest - 0.5) ? [] : [`${node.tagName} ${node.id || node.textContent || node.name} ${boxes[0].width}x${boxes[0].height}`]
    })
  }, SMALLEST_PX)
}

/** Whether the page scrolls sideways. */
export const isTooWide = frame => frame.evaluate(() => document.documentElement.scrollWidth > innerWidth)

/** Fill and send a form of the staff's, unfolding it first; returns it. */
export async function fillIn(page, title, values, submit = title) {
  const form = page.getByRole("group").filter({has: page.getByText(title, {exact: true})}).last()
  if (!(await form.getByRole("button", {name: submit, exact: true}).isVisible())) await form.locator("summary").click()
  for (const [label, value] of Object.entries(values)) {
    const field = form.getByLabel(label)
    if (await field.evaluate(node => node.tagName === "SELECT")) await field.selectOption({label: value})
    else await field.fill(value)
  }
  await form.getByRole("button", {name: submit, exact: true}).click()
  return form
}

export const keepScreenshot = (page, name) => page.screenshot({path: `${SCREENSHOTS}/${name}.png`})
