// The console: each of its flows, with one fault.
import assert from "node:assert/strict"
import {test} from "node:test"

import {API, DESK, call, choose, control, fillIn, local, newCustomer, newPage, paidTwice, png, see, topUp, uploadPhoto, useBrowser} from "./support.mjs"

useBrowser()

async function use(work, section = "payments") {
  const page = await newPage({viewport: DESK})
  try {
    await page.goto(`${API}/console#${section}`)
    await page.locator("#people button").first().waitFor({state: "attached"})
    await work(page)
    assert.deepEqual(page.errors, [])
  } finally {
    await page.context().close()
  }
}

const go = (page, name) => page.getByRole("navigation", {name: "Sections"}).getByRole("link", {name}).click()

async function find(page, id) {
  await page.getByLabel("Any id").fill(id)
  await page.getByRole("button", {name: "Find"}).click()
}

test("payment is found by its order, with its timeline, and refunded", () => use(async page => {
  const payment = await topUp(await newCustomer("Chitra"), "800.00")
  await page.getByLabel("Work as").selectOption({label: "Sunita, support"})
  await find(page, payment.gateway_order_id)
  await see(page.getByRole("list"), "captured")
  await see(page, payment.gateway_order_id)
  await fillIn(page, "Refund", {"Amount in rupees": "300", Reason: "One piece is missing"})
  await see(page.getByRole("table"), "One piece is missing")
  await see(page, "Partly refunded")
  // More than is left.
  await fillIn(page, "Refund", {"Amount in rupees": "700", Reason: "Again"})
  await see(page.getByRole("alert"), /500/)
}))

test("group that may not refund is told so", () => use(async page => {
  const payment = await topUp(await newCustomer("Chitra"), "100.00")
  await page.getByLabel("Work as").selectOption({label: "Farid, finance"})
  await find(page, payment.id)
  await see(page, payment.id)
  await fillIn(page, "Refund", {Reason: "Goodwill"})
  await see(page.getByRole("alert"), /permission/)
}))

test("newest payments are listed and open", () => use(async page => {
  const payment = await topUp(await newCustomer("Nandini"), "611.00")
  await page.getByRole("button", {name: /₹611\.00.*Nandini/s}).first().click()
  await see(page, payment.gateway_order_id)
  await see(page.getByRole("list"), "captured")
}))

test("wallet's chain is checked and shown, and an unknown id finds nothing", () => use(async page => {
  const customer = await newCustomer("Chitra")
  await topUp(customer, "250.00")
  await find(page, customer.id)
  await page.getByRole("button", {name: "Check the chain"}).click()
  await see(page, "2 of 2 entries checked.")
  const entries = page.getByRole("region", {name: "Table: Entries of the wallet"}).getByRole("row")
  await entries.nth(2).waitFor()
  const hashes = (await entries.allInnerTexts()).slice(1).map(text => text.match(/(\S+) → (\S+)/).slice(1))
  assert.equal(hashes[0][0], hashes[1][1])
  await find(page, "order_AAAAAAAAAAAAAA")
  await see(page, "Nothing has this id.")
}))

test("webhook is sent again, and refused when it was tampered with", () => use(async page => {
  const customer = await newCustomer("Chitra")
  await topUp(customer, "120.00")
  const row = page.getByRole("listitem").filter({hasText: /payment\.captured.*₹120\.00/s}).first()
  await row.getByText("payment.captured").first().click()
  await row.getByRole("button", {name: "Twice"}).click()
  await see(page.getByRole("status"), "payment.captured: 200, 200")
  await row.getByRole("button", {name: "Tampered"}).click()
  await see(page.getByRole("status"), "payment.captured: 401")
  await row.getByRole("button", {name: "Send again"}).click()
  await see(page.getByRole("status"), "payment.captured: 200")
  assert.equal((await call(customer, "GET", "payments/wallets/")).results[0].balance, "120.00")
}, "webhooks"))

test("held webhooks are delivered, and the reconciler finds what no webhook reported", () => use(async page => {
  const customer = await newCustomer("Chitra")
  await page.getByRole("switch", {name: /Hold webhooks back/}).check()
  await see(page.getByRole("status"), "Webhooks wait.")
  try {
    const {gateway_order_id} = await call(customer, "POST", "payments/wallets/add-money/", {amount: "90.00"})
    await control("pay", {order_id: gateway_order_id})
    await go(page, "Faults and time")
    await page.getByRole("button", {name: "+1 hour"}).click()
    await see(page, "1 h ahead")
    await page.getByRole("button", {name: "Reconciler now"}).click()
    await see(page, /ReconcileCredited: 1/)
    await page.getByRole("button", {name: "Sweeper now"}).click()
    await page.waitForFunction(() => !document.getElementById("result").textContent.includes("ReconcileCredited"))
    assert.equal((await call(customer, "GET", "payments/wallets/")).results[0].balance, "90.00")
    await go(page, "Webhooks")
    await page.getByRole("button", {name: "Deliver what is held"}).click()
    await see(page.getByRole("status"), /\d+ webhooks were sent\./)
  } finally {
    await page.getByRole("switch", {name: /Hold webhooks back/}).uncheck()
  }
  await see(page.getByRole("status"), "Webhooks go out at once.")
  assert.equal((await call(customer, "GET", "payments/wallets/")).results[0].balance, "90.00")
}, "webhooks"))

test("gateway that is away refuses top-ups until it works again", () => use(async page => {
  const customer = await newCustomer("Chitra"), start = () => call(customer, "POST", "payments/wallets/add-money/", {amount: "70.00"})
  await choose(page, "Razorpay", "Errors")
  try {
    await see(page.getByRole("status"), "Razorpay: Errors")
    await assert.rejects(start(), /unavailable/)
    await page.reload()
    await page.getByRole("radio", {name: "Errors"}).and(page.locator(":checked")).waitFor()
  } finally {
    await choose(page, "Razorpay", "Works")
  }
  await page.waitForFunction(() => document.getElementById("strip").textContent.includes("Razorpay") === false)
  assert.ok(await start())
}, "faults"))

test("throttled table makes the service unavailable until it ends", () => use(async page => {
  const customer = await newCustomer("Chitra"), balance = () => call(customer, "GET", "payments/wallets/")
  await topUp(customer, "75.00")
  const throttled = page.getByRole("switch", {name: /table is throttled/})
  await throttled.check()
  try {
    await see(page.getByRole("status"), /table is throttled/)
    await assert.rejects(balance(), /unavailable/)
  } finally {
    await throttled.uncheck()
  }
  await page.waitForFunction(() => !document.getElementById("strip").textContent.includes("throttled"))
  assert.equal((await balance()).results[0].balance, "75.00")
}, "faults"))

test("issuer without keys and S3 without answers are switched and seen after a reload", () => use(async page => {
  for (const name of [/issuer's keys/, /S3 fails/]) await page.getByRole("switch", {name}).check()
  try {
    await see(page.getByRole("status"), /S3 fails/)
    await page.reload()
    for (const name of [/issuer's keys/, /S3 fails/]) await page.getByRole("switch", {name}).and(page.locator(":checked")).waitFor()
  } finally {
    await local("faults", {s3: [], issuer: false})
  }
}, "faults"))

test("photo that S3 reports twice is stored once, and compared with its upload", () => use(async page => {
  const customer = await newCustomer("Chitra"), twice = page.getByRole("switch", {name: /reports each upload twice/})
  await twice.check()
  try {
    await see(page.getByRole("status"), /reports each upload twice/)
    const {id} = await uploadPhoto(customer, png())
    await go(page, "Photos")
    await page.getByRole("button", {name: `Photo ${id.slice(0, 8)}`}).click()
    await see(page, "Stored files")
    const slider = page.getByLabel("How much of the photo before shows")
    await slider.press("Home")
    await page.waitForFunction(() => [...document.querySelectorAll(".compare img")].length === 2 && [...document.querySelectorAll(".compare img")].every(image => image.naturalWidth > 0))
    assert.equal(await page.locator(".compare").evaluate(node => node.style.getPropertyValue("--cut")), "0%")
  } finally {
    await go(page, "Faults and time")
    await twice.uncheck()
  }
}, "faults"))

test("broken photo has its reason", () => use(async page => {
  const customer = await newCustomer("Chitra")
  const {id} = await uploadPhoto(customer, Buffer.from("no picture"))
  await page.getByRole("button", {name: new RegExp(`Photo ${id.slice(0, 8)}.*rejected`, "s")}).click()
  await see(page, "Rejected because")
}, "photos"))

test("dashboards are drawn from what the functions emit", () => use(async page => {
  await topUp(await newCustomer("Chitra"), "130.00")
  const payments = page.getByRole("img", {name: /^Payments: .*PaymentCaptured \d/})
  await payments.waitFor()
  await page.getByRole("radio", {name: "Service"}).check()
  await page.getByRole("img", {name: /^API requests: Count \d/}).waitFor()
  await page.getByRole("radio", {name: "Photos and cost"}).check()
  await see(page, "Compression time (ms)")
}, "dashboards"))

test("payment in review says why", () => use(async page => {
  const payment = await paidTwice(await newCustomer("Chitra"), "333.00")
  await find(page, payment.id)
  await see(page, "A second attempt was captured on a paid payment.")
}))

test("console speaks Hindi and remembers it", () => use(async page => {
  await page.getByRole("button", {name: "हिन्दी"}).click()
  await page.reload()
  await page.getByRole("navigation", {name: "अनुभाग"}).getByRole("link", {name: "वेबहुक"}).click()
  await page.getByRole("button", {name: "रुके हुए भेजें"}).waitFor()
  const missing = await page.evaluate(async () => (await Promise.all(["console", "desk", "docs", "checkout", "phone"].map(name => import(`/pages/${name}/texts.js`)))).flatMap(texts => texts.missing()))
  assert.deepEqual(missing, [])
}))
