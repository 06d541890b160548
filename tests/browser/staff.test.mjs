// The staff's page, on this machine and as a static page of another site: each of its flows, with one fault.
import assert from "node:assert/strict"
import {readFile} from "node:fs/promises"
import {createServer} from "node:http"
import {extname, join, normalize} from "node:path"
import {after, before, test} from "node:test"

import {API, DESK, ELSEWHERE, PAGES, RAZORPAY, asStaff, call, control, fillIn, local, newCustomer, newPage, paidTwice, ready, see, topUp, useBrowser} from "./support.mjs"

useBrowser()

const TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

// Another site, which serves nothing but the files of the pages.
let site

before(async () => {
  site = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, ELSEWHERE).pathname)
    try {
      const content = await readFile(join(PAGES, path))
      response.writeHead(200, {"Content-Type": TYPES[extname(path)]}).end(content)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise(resolve => site.listen(new URL(ELSEWHERE).port, "127.0.0.1", resolve))
})
after(() => site.close())

async function use(work, section = "search") {
  const page = await newPage({viewport: DESK})
  try {
    await page.goto(`${API}/pages/staff.html#${section}`)
    await page.locator("#who option").first().waitFor({state: "attached"})
    await work(page)
    assert.deepEqual(page.errors, [])
  } finally {
    await page.context().close()
  }
}

const workAs = (page, label) => page.getByLabel("Work as").selectOption({label})
const go = (page, name) => page.getByRole("navigation", {name: "Sections"}).getByRole("link", {name}).click()

async function find(page, id) {
  await page.getByLabel("Any id").fill(id)
  await page.getByRole("button", {name: "Find"}).click()
}

async function chooseReview(page, customer) {
  const {results} = await asStaff("Sunita", "GET", "reviews/")
  const {gateway_id} = results.find(review => review.customer === customer.id)
  await page.getByRole("button", {name: gateway_id}).click()
  await see(page.getByRole("region", {name: "Reviews"}), customer.id)
}

test("review is assigned, then ended by one of its actions", () => use(async page => {
  const customer = await newCustomer("Chitra")
  await paidTwice(customer, "345.00")
  await page.reload()
  await chooseReview(page, customer)
  // Without a reason nothing happens.
  const form = await fillIn(page, "End the review", {Action: "dismiss"}, "Do it")
  await see(form.getByRole("alert"), /reason/)
  await fillIn(page, "End the review", {Action: "assign", "Who looks at it": "sunita", Reason: "Mine"}, "Do it")
  await see(page.getByRole("status"), "Done: assign.")
  await chooseReview(page, customer)
  await see(page, "sunita")
  await fillIn(page, "End the review", {Action: "refund attempt", Reason: "The customer paid twice"}, "Do it")
  await see(page.getByRole("status"), "Done: refund attempt.")
  await page.getByRole("combobox", {name: "Status"}).selectOption({label: "Resolved"})
  await see(page, "refund attempt")
}, "reviews"))

test("group that may not end a review is told so", () => use(async page => {
  const customer = await newCustomer("Chitra")
  await paidTwice(customer, "346.00")
  await page.reload()
  await workAs(page, "Anjali, approver")
  await chooseReview(page, customer)
  const form = await fillIn(page, "End the review", {Action: "dismiss", Reason: "Nothing to do"}, "Do it")
  await see(form.getByRole("alert"), /permission/)
}, "reviews"))

test("adjustment is proposed by one person and approved by another", () => use(async page => {
  const customer = await newCustomer("Chitra")
  await topUp(customer, "100.00")
  await workAs(page, "Omkar, support + finance + approver")
  await find(page, customer.id)
  await fillIn(page, "Propose an adjustment", {"Amount in rupees": "25", Reason: "Goodwill for a late delivery 25"})
  await see(page.getByRole("status"), "Proposed. Somebody else has to approve it.")
  await go(page, "Proposals")
  const chosen = page.getByRole("button", {name: /Goodwill for a late delivery 25/})
  await chosen.click()
  // Nobody decides about a proposal of their own.
  const form = await fillIn(page, "Decide", {Reason: "Fine"}, "Do it")
  await see(form.getByRole("alert"), /./)
  await workAs(page, "Anjali, approver")
  await chosen.click()
  await fillIn(page, "Decide", {Reason: "Checked with the shop"}, "Do it")
  await see(page.getByRole("status"), "Decided: Done.")
  assert.equal((await call(customer, "GET", "payments/wallets/")).results[0].balance, "125.00")
}))

test("large refund is proposed and rejected", () => use(async page => {
  const payment = await topUp(await newCustomer("Chitra"), "12000.00")
  await find(page, payment.id)
  await fillIn(page, "Refund", {Reason: "Order 17 cancelled"})
  await see(page.getByRole("status"), /large, so it is proposed/)
  await workAs(page, "Anjali, approver")
  await go(page, "Proposals")
  await page.getByRole("button", {name: /Order 17 cancelled/}).click()
  await fillIn(page, "Decide", {Decide: "Reject", Reason: "It was delivered"}, "Do it")
  await see(page.getByRole("status"), "Decided: Rejected.")
  await page.getByRole("combobox", {name: "Status"}).selectOption({label: "Rejected"})
  await see(page, "It was delivered")
}))

test("wallet is blocked, and unblocked again", () => use(async page => {
  const customer = await newCustomer("Chitra"), spend = key => call(customer, "POST", "payments/payments/", {amount: "5.00", source: "wallet"}, {"Idempotency-Key": key})
  await topUp(customer, "60.00")
  await find(page, customer.id)
  const form = await fillIn(page, "Block the wallet", {})
  await see(form.getByRole("alert"), /reason/)
  await fillIn(page, "Block the wallet", {Reason: "Stolen phone"})
  await see(page.getByRole("status"), "The wallet is blocked.")
  await assert.rejects(spend("blocked-1"), /wallet_blocked/)
  await fillIn(page, "Unblock the wallet", {Reason: "Found again"})
  await see(page.getByRole("status"), "The wallet is no longer blocked.")
  assert.ok(await spend("blocked-2"))
}))

test("dispute is shown with its evidence", () => use(async page => {
  const payment = await topUp(await newCustomer("Chitra"), "410.00")
  const {gateway_payment_id} = await asStaff("Sunita", "GET", `payments/${payment.id}/`)
  await control("dispute", {payment_id: gateway_payment_id})
  for (let tries = 0; tries < 50 && !(await asStaff("Sunita", "GET", `payments/${payment.id}/`)).disputes.length; tries += 1) await page.waitForTimeout(100)
  await find(page, gateway_payment_id)
  await see(page.getByRole("region", {name: "Table: Disputes"}), "open")
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", {name: /Download the evidence/}).click()])
  const evidence = JSON.parse(await readFile(await download.path(), "utf8"))
  assert.equal(evidence.payment.id, payment.id)
  await go(page, "Disputes")
  await page.getByRole("button", {name: /^₹410\.00/}).click()
  await page.getByRole("combobox", {name: "Status"}).selectOption({label: "answer due"})
  await page.getByRole("button", {name: "Open the payment"}).click()
  await see(page, payment.gateway_order_id)
}))

test("Razorpay is asked about a payment, also while it does not answer", () => use(async page => {
  const payment = await topUp(await newCustomer("Chitra"), "77.00")
  await find(page, payment.id)
  await page.getByRole("button", {name: "Ask Razorpay now"}).click()
  await see(page.getByRole("region", {name: "Table: What Razorpay says"}), "captured")
  await control("faults", [{method: "GET", path: "/v1/orders", fault: "500", times: 20}])
  try {
    await page.getByRole("button", {name: "Ask Razorpay now"}).click()
    await see(page, "Razorpay does not answer.")
  } finally {
    await control("faults", [])
  }
}))

test("webhook that cannot be used is listed, and replayed in vain", () => use(async page => {
  await control("event", {body: {event: "payment.captured", payload: {payment: {entity: {id: "pay_AAAAAAAAAAAAAA"}}}}})
  for (let tries = 0; tries < 50 && !(await asStaff("Sunita", "GET", "webhooks/")).results.length; tries += 1) await page.waitForTimeout(100)
  await page.reload()
  await see(page.getByRole("region", {name: "Unusable webhooks"}), "Problem")
  const form = await fillIn(page, "Replay", {Reason: "Perhaps now"})
  await see(form.getByRole("alert"), /./)
}, "unusable"))

test("same page serves a stack elsewhere, and stores no token", async () => {
  const page = await newPage({viewport: DESK}), {staff} = await ready()
  const payment = await topUp(await newCustomer("Chitra"), "222.00")
  await page.goto(`${ELSEWHERE}/staff.html#api=${encodeURIComponent(API)}&token=${staff[0].token}`)
  await see(page, "Find a customer or a payment")
  assert.equal(new URL(page.url()).hash, "")
  await find(page, payment.gateway_order_id)
  await see(page.getByRole("list"), "captured")
  await fillIn(page, "Refund", {"Amount in rupees": "22", Reason: "A button is missing"})
  await see(page.getByRole("table"), "A button is missing")
  assert.deepEqual(await page.evaluate(() => [{...localStorage}, {...sessionStorage}, document.cookie]), [{}, {}, ""])
  assert.deepEqual(page.errors, [])
  await page.reload()
  await page.getByRole("button", {name: "Connect"}).waitFor()
  await page.context().close()
})

test("page of the web origin uploads a photo", async () => {
  const page = await newPage(), customer = await newCustomer("Chitra")
  await page.goto(`${ELSEWHERE}/staff.html`)
  const statuses = await page.evaluate(async ([api, token]) => {
    const headers = {Authorization: `Bearer ${token}`, "Content-Type": "application/json"}
    const asked = await fetch(`${api}/api/mobile/upload-image/?method=put`, {method: "POST", headers, body: JSON.stringify({content_type: "image/png", size_bytes: 3})})
    const {upload} = await asked.json()
    return [asked.status, (await fetch(upload.url, {method: "PUT", headers: upload.headers, body: "abc"})).status]
  }, [API, customer.token])
  assert.deepEqual(statuses, [201, 200])
  await page.context().close()
})

test("page of another site reaches neither the API nor the controls", async () => {
  const page = await newPage()
  await page.route("http://stranger.example/", route => route.fulfill({contentType: "text/html", body: "<!doctype html><title>Stranger</title>"}))
  await page.goto("http://stranger.example/")
  const outcomes = await page.evaluate(async requests => Promise.all(requests.map(([address, body]) => fetch(address, {method: "POST", body, mode: "no-cors"}).then(({type}) => type, () => "refused"))), [[`${API}/_local/faults`, '{"uploads_twice": true}'], [`${RAZORPAY}/_control/hold`, '{"hold": true}']])
  assert.ok(outcomes.every(outcome => ["opaque", "refused"].includes(outcome)))
  assert.equal((await control("state")).holding, false)
  assert.equal((await local("faults")).uploads_twice, false)
  await page.context().close()
})

test("form connects to a stack, and says what is wrong", async () => {
  const page = await newPage({viewport: DESK}), {customers, staff} = await ready()
  const connect = async (address, token) => {
    await page.getByLabel("Address of the API").fill(address)
    await page.getByLabel("Token").fill(token)
    await page.getByRole("button", {name: "Connect"}).click()
  }
  await page.goto(`${ELSEWHERE}/staff.html`)
  await connect("garment.example", staff[0].token)
  await see(page.getByRole("alert"), /must begin with https/)
  await connect("http://127.0.0.1:9", staff[0].token)
  await see(page.getByRole("alert"), /cannot be reached/)
  await connect(API, customers[0].token)
  await see(page.getByRole("alert"), /[Tt]oken/)
  await connect(`${API}/`, staff[0].token)
  await see(page, "Find a customer or a payment")
  await page.getByRole("button", {name: "हिन्दी"}).click()
  await see(page, "ग्राहक या भुगतान खोजें")
  assert.deepEqual(page.errors, [])
  await page.context().close()
})
