// Every page in two sizes, light and dark: axe finds nothing serious, targets are large enough, nothing scrolls sideways.
import assert from "node:assert/strict"
import {test} from "node:test"

import {API, DESK, PHONE, RAZORPAY, asStaff, call, choose, control, isTooWide, keepScreenshot, newCustomer, newPage, openPhone, paidTwice, png, see, seriousFindings, smallTargets, startTopUp, topUp, uploadPhoto, useBrowser} from "./support.mjs"

useBrowser()

const LOOKS = [["phone", PHONE], ["desk", DESK]].flatMap(([name, viewport]) => ["light", "dark"].map(colorScheme => [`${name}-${colorScheme}`, {viewport, colorScheme}]))

/** Judge what is on the screen, and keep a screenshot of it. */
async function judge(page, name, frame = page, hasFingers = true) {
  await page.waitForTimeout(350) // movements end
  await keepScreenshot(page, name)
  assert.deepEqual(await seriousFindings(frame), [], `axe, ${name}`)
  assert.equal(await isTooWide(frame), false, `${name} scrolls sideways`)
  if (hasFingers) assert.deepEqual(await smallTargets(frame), [], `small targets, ${name}`)
}

/** A customer with a story: money in and out, methods of all kinds, a refund. */
async function customerWithStory() {
  const customer = await newCustomer("Chitra")
  await topUp(customer, "2500.00", {sent: {save_method: true, contact: customer.phone}, paid: {method: "card", save: true}})
  for (const [index, [amount, description]] of [["340.00", "Dry cleaning, 3 pieces"], ["275.00", "Wash and fold, 5 kg"]].entries())
    await call(customer, "POST", "payments/payments/", {amount, description, source: "wallet"}, {"Idempotency-Key": `story-${index}`})
  for (const [index, body] of [{type: "upi", upi_id: "chitra@okhdfcbank"}, {type: "netbanking", bank_name: "HDFC Bank"}, {type: "wallet", wallet_provider: "Mobikwik", wallet_number: "9876543210"}].entries())
    await call(customer, "POST", "payments/payment-methods/", {...body, is_default: index === 0})
  await uploadPhoto(customer, png(640, 480))
  const {id} = await paidTwice(customer, "799.00")
  const {gateway_payment_id} = await asStaff("Sunita", "GET", `payments/${id}/`)
  await control("dispute", {payment_id: gateway_payment_id})
  const {wallet} = await asStaff("Farid", "GET", `customers/${customer.id}/`)
  await asStaff("Farid", "POST", `wallets/${wallet.id}/adjustments/`, {amount: "50.00", type: "credit", reason: "Goodwill for a late delivery"}, `look-${customer.id}`)
  return customer
}

let customer
const story = async () => (customer ??= await customerWithStory())

for (const [look, options] of LOOKS) {
  for (const screen of ["wallet", "pay", "methods", "photos"]) {
    test(`${screen} looks right, ${look}`, async () => {
      const page = await openPhone({screen, customer: await story(), ...options})
      await page.waitForTimeout(500)
      await judge(page, `${screen}-${look}`)
      await page.context().close()
    })
  }

  test(`payment and what happened look right, ${look}`, async () => {
    const page = await openPhone({screen: "pay", customer: await story(), ...options})
    await page.getByRole("button", {name: /^Top-up.*2,500/s}).click()
    await page.getByRole("dialog").waitFor()
    await judge(page, `payment-${look}`)
    await page.keyboard.press("Escape")
    for (const panel of ["Requests", "Webhooks", "Entries"]) {
      await page.getByRole("tab", {name: panel}).click()
      await page.waitForTimeout(300)
      await page.getByRole("tabpanel").locator("summary").first().click()
      await judge(page, `${panel.toLowerCase()}-${look}`)
    }
    await page.context().close()
  })

  test(`checkout looks right, ${look}`, async () => {
    const page = await openPhone({customer: await story(), ...options})
    await page.getByRole("button", {name: "Add money"}).click()
    await see(page, /You can add up to/)
    await judge(page, `add-money-${look}`)
    await page.keyboard.press("Escape")
    const sheet = await startTopUp(page, "500"), frame = page.frames().find(inner => new URL(inner.url()).pathname === "/checkout")
    for (const method of ["UPI", "Card", "Netbanking", "Wallet"]) {
      await choose(sheet, "Pay with", method)
      await judge(page, `checkout-${method.toLowerCase()}-${look}`, frame)
    }
    await sheet.getByText("Let something else happen").click()
    await sheet.getByRole("button", {name: "Fail", exact: true}).click()
    await see(sheet, /temporary issue/)
    await judge(page, `checkout-failed-${look}`, frame)
    await page.context().close()
  })

  test(`console looks right, ${look}`, async () => {
    const page = await newPage(options), {id} = await story()
    await page.goto(`${API}/console`)
    await page.getByLabel("Any id").fill(id)
    await page.getByRole("button", {name: "Find"}).click()
    await see(page, "Payment methods")
    await page.getByRole("button", {name: "Check the chain"}).click()
    await see(page, "Sound.")
    await judge(page, `console-customer-${look}`)
    await page.locator("#found .list button").last().click()
    await see(page, "Timeline")
    await judge(page, `console-payment-${look}`)
    for (const [section, text] of [["webhooks", "payment.captured"], ["photos", /^Photo \w{8}/], ["faults", "The wallets' table is throttled"], ["dashboards", "Payments captured"]]) {
      await page.goto(`${API}/console#${section}`)
      await see(page, text)
      if (section === "webhooks") await page.locator("#webhooks summary").first().click()
      if (section === "photos") await page.getByRole("button", {name: /^Photo .*ready/s}).first().click()
      await judge(page, `console-${section}-${look}`)
    }
    await page.context().close()
  })

  test(`staff's page looks right, ${look}`, async () => {
    const page = await newPage(options), {id} = await story()
    await page.goto(`${API}/pages/staff.html`)
    await page.getByLabel("Any id").fill(id)
    await page.getByRole("button", {name: "Find"}).click()
    await see(page, "Payment methods")
    await page.getByText("Propose an adjustment").first().click()
    await judge(page, `staff-search-${look}`)
    for (const [section, button, text] of [["reviews", /^second capture/, "End the review"], ["proposals", /^Adjustment/, "Decide"], ["disputes", /^₹799/, "Download the evidence"], ["unusable", /./, "Unusable webhooks"]]) {
      await page.goto(`${API}/pages/staff.html#${section}`)
      if (section !== "unusable") await page.getByRole("button", {name: button}).last().click()
      await see(page, text)
      await judge(page, `staff-${section}-${look}`)
    }
    await page.goto("about:blank")
    await page.goto(`${API}/pages/staff.html#api=${API}`)
    await page.getByRole("button", {name: "Connect"}).waitFor()
    await judge(page, `staff-connect-${look}`)
    await page.context().close()
  })

  test(`documents look right, ${look}`, async () => {
    const page = await newPage(options)
    await page.goto(`${API}/docs#createPayment`)
    await page.locator("#createPayment .try").waitFor()
    await judge(page, `docs-${look}`, page, false)
    await page.context().close()
  })
}

test("pages look right in Hindi", async () => {
  const page = await openPhone({customer: await story()})
  await page.getByRole("button", {name: "हिन्दी"}).click()
  for (const name of ["वॉलेट", "भुगतान", "तरीके", "फ़ोटो"]) {
    await page.getByRole("navigation", {name: "स्क्रीन"}).getByRole("link", {name}).click()
    await page.waitForTimeout(400)
    await judge(page, `hindi-${["wallet", "pay", "methods", "photos"][["वॉलेट", "भुगतान", "तरीके", "फ़ोटो"].indexOf(name)]}`)
  }
  for (const [name, address] of [["console", `${API}/console#dashboards`], ["faults", `${API}/console#faults`], ["staff", `${API}/pages/staff.html#reviews`], ["docs", `${API}/docs#createPayment`]]) {
    await page.goto(address)
    await page.waitForTimeout(700)
    assert.equal(await page.evaluate(() => document.documentElement.lang), "hi")
    await judge(page, `hindi-${name}`, page, name !== "docs")
  }
  await page.context().close()
})

test("checkout alone and the upload page look right", async () => {
  const page = await newPage()
  const {gateway_order_id} = await call(await story(), "POST", "payments/wallets/add-money/", {amount: "500.00"})
  await page.goto(`${RAZORPAY}/checkout?order_id=${gateway_order_id}`)
  await page.getByRole("button", {name: "Pay ₹500.00"}).click()
  await see(page, "Paid. You can go back to the app.")
  await judge(page, "checkout-alone")
  await page.goto(`${API}/_local/upload`)
  await judge(page, "upload", page, false)
  await page.context().close()
})
