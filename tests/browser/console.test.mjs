// The console: each of its flows, with one fault.
import assert from "node:assert/strict"
import {test} from "node:test"

import {API, call, choose, control, newCustomer, newPage, see, topUp, useBrowser} from "./support.mjs"

useBrowser()

async function use(work) {
  const page = await newPage({viewport: {width: 1440, height: 900}})
  try {
    await page.goto(`${API}/console`)
    await page.locator("#people button").first().waitFor()
    await work(page)
    assert.deepEqual(page.errors, [])
  } finally {
    await page.context().close()
  }
}

async function find(page, id) {
  await page.getByLabel("Any id").fill(id)
  await page.getByRole("button", {name: "Find"}).click()
}

test("payment is found by its order, with its timeline, and refunded", () => use(async page => {
  const payment = await topUp(await newCustomer("Chitra"), "800.00")
  await page.getByLabel("Staff").selectOption({label: "Sunita, support"})
  await find(page, payment.gateway_order_id)
  await see(page.getByRole("list"), "captured")
  await page.getByLabel("Amount in rupees").fill("300")
  await page.getByLabel("Reason").fill("One piece is missing")
  await page.getByRole("button", {name: "Refund"}).click()
  await see(page.getByRole("table"), "One piece is missing")
  // More than is left.
  await page.getByLabel("Amount in rupees").fill("700")
  await page.getByLabel("Reason").fill("Again")
  await page.getByRole("button", {name: "Refund"}).click()
  await see(page.getByRole("status"), /500/)
}))

test("group that may not refund is told so", () => use(async page => {
  const payment = await topUp(await newCustomer("Chitra"), "100.00")
  await page.getByLabel("Staff").selectOption({label: "Farid, finance"})
  await find(page, payment.id)
  await page.getByLabel("Reason").fill("Goodwill")
  await page.getByRole("button", {name: "Refund"}).click()
  await see(page.getByRole("status"), /permission/)
}))

test("wallet's chain is checked, and an unknown id finds nothing", () => use(async page => {
  const customer = await newCustomer("Chitra")
  await topUp(customer, "250.00")
  await find(page, customer.id)
  await page.getByRole("button", {name: "Check the chain"}).click()
  await see(page, "2 of 2 entries checked.")
  await find(page, "order_AAAAAAAAAAAAAA")
  await see(page, "Nothing has this id.")
}))

test("webhook is sent again, and refused when it was tampered with", () => use(async page => {
  const customer = await newCustomer("Chitra")
  await topUp(customer, "120.00")
  await page.reload()
  const row = page.locator("#webhooks li").filter({hasText: "payment.captured"}).first()
  await row.locator("summary").click()
  await row.getByRole("button", {name: "Twice"}).click()
  await see(page.getByRole("status"), "payment.captured: 200, 200")
  await row.getByRole("button", {name: "Tampered"}).click()
  await see(page.getByRole("status"), "payment.captured: 401")
  assert.equal((await call(customer, "GET", "payments/wallets/")).results[0].balance, "120.00")
}))

test("held webhooks are delivered, and the reconciler finds what no webhook reported", () => use(async page => {
  const customer = await newCustomer("Chitra")
  await page.getByLabel("Hold webhooks back").check()
  await see(page.getByRole("status"), "Webhooks wait.")
  try {
    const {gateway_order_id} = await call(customer, "POST", "payments/wallets/add-money/", {amount: "90.00"})
    await control("pay", {order_id: gateway_order_id})
    await page.getByRole("button", {name: "+1 hour"}).click()
    await see(page, "1 hour ahead")
    await page.getByRole("button", {name: "Reconciler now"}).click()
    await see(page, /ReconcileCredited: 1/)
    assert.equal((await call(customer, "GET", "payments/wallets/")).results[0].balance, "90.00")
    await page.getByRole("button", {name: "Deliver what is held"}).click()
    await see(page.getByRole("status"), /\d+ webhooks were sent\./)
  } finally {
    await page.getByLabel("Hold webhooks back").uncheck()
  }
  await see(page.getByRole("status"), "Webhooks go out at once.")
  assert.equal((await call(customer, "GET", "payments/wallets/")).results[0].balance, "90.00")
}))

test("gateway that is away refuses top-ups until it works again", () => use(async page => {
  const customer = await newCustomer("Chitra"), start = () => call(customer, "POST", "payments/wallets/add-money/", {amount: "70.00"})
  await choose(page, "Razorpay", "Errors")
  try {
    for (let tries = 0; tries < 50 && await start().then(() => true, () => false); tries += 1) await page.waitForTimeout(100)
    await assert.rejects(start(), /unavailable/)
    await page.reload()
    await page.getByRole("radio", {name: "Errors"}).and(page.locator(":checked")).waitFor()
  } finally {
    await choose(page, "Razorpay", "Works")
  }
  await page.waitForTimeout(300)
  assert.ok(await start())
}))
