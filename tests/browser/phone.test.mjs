// The phone page: each flow, and what becomes of it when something goes wrong.
import assert from "node:assert/strict"
import {test} from "node:test"

import {API, balance, call, checkoutOf, choose, control, openPhone, otherwise, see, startTopUp, topUp, useBrowser} from "./support.mjs"

useBrowser()

async function use(options, work) {
  const page = await openPhone(options)
  try {
    await work(page)
    assert.deepEqual(page.errors, [])
  } catch (error) {
    await page.screenshot({path: `${process.env.SCREENSHOTS}/failure-${Date.now()}.png`}).catch(() => {})
    throw error
  } finally {
    await page.context().close()
  }
}

const payments = customer => call(customer, "GET", "payments/payments/").then(({results}) => results)
const showPanel = (page, name) => page.getByRole("tab", {name}).click()

test("top-up comes back from checkout to the wallet", () => use({}, async page => {
  const sheet = await startTopUp(page, "1250")
  await choose(sheet, "Choose a UPI app", "PhonePe")
  await sheet.getByRole("button", {name: "Pay ₹1,250.00"}).click()
  await see(page, "₹1,250.00 is in your wallet.")
  await balance(page, "₹1,250.00")
  await see(page.getByRole("listitem"), "+₹1,250.00")
  await see(page.getByRole("tabpanel"), "/payments/wallets/add-money/")
  await showPanel(page, "Webhooks")
  await see(page.getByRole("tabpanel"), "payment.captured")
  await showPanel(page, "Entries")
  await see(page.getByRole("tabpanel"), "credit · top up")
}))

test("closed checkout adds nothing", () => use({}, async page => {
  const sheet = await startTopUp(page, "500")
  await sheet.getByRole("button", {name: "Close"}).click()
  await see(page, "Checkout was closed. Nothing was paid.")
  await balance(page, "₹0.00")
}))

test("failed payment can be tried again in checkout", () => use({}, async page => {
  const sheet = await startTopUp(page, "500")
  await sheet.getByText("Let something else happen").click()
  await sheet.getByLabel("Reason").selectOption("insufficient funds")
  await sheet.getByRole("button", {name: "Fail", exact: true}).click()
  await see(sheet, /insufficient account balance/)
  await sheet.getByRole("button", {name: "Pay ₹500.00"}).click()
  await balance(page, "₹500.00")
  assert.equal((await payments(page.customer)).length, 1)
}))

test("lost answer is found by asking", () => use({}, async page => {
  await control("hold", {hold: true})
  try {
    await otherwise(await startTopUp(page, "300"), "Pay, and lose the answer")
    await balance(page, "₹300.00")
  } finally {
    await control("deliver")
    await control("hold", {hold: false})
  }
}))

test("payment that was open when the app ended is found at its next start", () => use({}, async page => {
  await control("hold", {hold: true})
  try {
    await startTopUp(page, "310")
    const [payment] = await payments(page.customer)
    await control("pay", {order_id: payment.gateway_order_id})
    await page.reload()
    await balance(page, "₹310.00")
  } finally {
    await control("deliver")
    await control("hold", {hold: false})
  }
}))

test("late approval adds the money after a failure", () => use({}, async page => {
  const sheet = await startTopUp(page, "200")
  await otherwise(sheet, /the bank approves 10 seconds later/)
  await see(sheet, /not completed on time/)
  await sheet.getByRole("button", {name: "Close"}).click()
  await see(page, /The payment failed/)
  const [payment] = await payments(page.customer)
  await control("late", {order_id: payment.gateway_order_id})
  await page.getByRole("link", {name: "Pay"}).click()
  await page.locator("[data-screen=wallet]").waitFor({state: "hidden"}) // it has a row of the top-up, too
  await page.getByRole("button", {name: /^Top-up/}).click()
  await page.getByRole("dialog").getByText("Paid").waitFor()
  await page.keyboard.press("Escape")
  await page.getByRole("link", {name: "Wallet"}).click()
  await balance(page, "₹200.00")
}))

test("second payment of one order is credited once and looked into", () => use({}, async page => {
  await otherwise(await startTopUp(page, "150"), "Pay twice")
  await balance(page, "₹150.00")
  for (let tries = 0; tries < 50 && !(await payments(page.customer))[0].in_review; tries += 1) await page.waitForTimeout(100)
  await page.getByRole("button", {name: /^Top-up/}).click()
  await see(page.getByRole("dialog"), "Support is looking into this payment.")
}))

test("order is paid from the wallet", async () => use({screen: "pay"}, async page => {
  await topUp(page.customer, "500.00")
  await page.reload()
  await see(page, "has ₹500.00")
  await choose(page, "Order", /Wash and fold/)
  await page.getByRole("button", {name: "Pay ₹275.00"}).click()
  await see(page, "Paid ₹275.00.")
  await see(page, "has ₹225.00")
}))

test("checkout speaks the language of the page", () => use({}, async page => {
  await page.getByRole("button", {name: "हिन्दी"}).click()
  await page.getByRole("button", {name: "पैसे जोड़ें"}).click()
  await page.getByRole("dialog", {name: "पैसे जोड़ें"}).getByRole("button", {name: /₹500\.00/}).click()
  const sheet = checkoutOf(page)
  await sheet.getByRole("button", {name: "₹500.00 चुकाएँ"}).and(sheet.locator(":enabled")).click()
  await balance(page, "₹500.00")
}))

test("late answer for the customer before is not shown", () => use({}, async page => {
  let asked = 0, release
  const waiting = new Promise(resolve => { release = resolve })
  await page.route("**/api/payments/wallets/", async route => {
    asked += 1
    if (asked === 1) await waiting // the wallet of Chitra, who was on the page first
    await route.continue()
  })
  await topUp(page.customer, "111.00")
  await page.reload()
  await page.getByLabel("Customer").selectOption({label: "Bilal"})
  await balance(page, "₹0.00")
  release()
  await page.waitForTimeout(500)
  await balance(page, "₹0.00")
}))

test("wallet with too little pays nothing and says so", () => use({screen: "pay"}, async page => {
  await page.getByRole("button", {name: "Pay ₹340.00"}).click()
  await page.getByRole("alert").filter({hasText: /balance/i}).waitFor()
  await see(page.getByRole("listitem"), "Failed")
}))

test("order is paid through the gateway and its card is saved and used again", () => use({screen: "pay"}, async page => {
  await choose(page, "Pay with", /UPI, card, netbanking/)
  await page.getByLabel("Save the card that I pay with").filter({visible: true}).check()
  await page.getByLabel("Phone number").filter({visible: true}).fill(page.customer.phone)
  await page.getByRole("button", {name: "Pay ₹340.00"}).click()
  const sheet = checkoutOf(page)
  await choose(sheet, "Pay with", "Card")
  await sheet.getByLabel("Save this card").check()
  await sheet.getByRole("button", {name: "Pay ₹340.00"}).click()
  await see(page, "Paid ₹340.00.")
  await choose(page, "Pay with", /Visa •••• 1007/)
  await page.getByRole("button", {name: "Pay ₹340.00"}).click()
  await sheet.getByRole("radio", {name: /Visa ending 1007/}).and(sheet.locator(":checked")).waitFor()
  await sheet.getByRole("button", {name: "Pay ₹340.00"}).click()
  await page.getByRole("button", {name: /^Dry cleaning.*Paid$/s}).nth(1).waitFor()

  // The bank suspends the card: it is no longer offered.
  const {tokens} = await control("state")
  const token = Object.values(tokens).at(-1)
  await control("token", {token_id: token.id, status: "suspended"})
  await page.waitForTimeout(1000)
  await page.reload()
  await see(page, "UPI, card, netbanking")
  await see(page.getByRole("listitem"), "Paid")
  assert.equal(await page.getByRole("radio", {name: /Visa •••• 1007/}).count(), 0)
}))

test("all four kinds of methods are saved, one is the default, one is deleted", () => use({screen: "methods"}, async page => {
  for (const [kind, name] of [["UPI", "asha@okhdfcbank"], ["Card", "Visa •••• 4242"], ["Bank", "HDFC Bank"], ["Wallet", "Mobikwik"]]) {
    await choose(page, "Kind", kind)
    await page.getByRole("button", {name: "Save", exact: true}).click()
    await page.getByRole("main").getByRole("listitem").filter({hasText: name}).waitFor()
  }
  await page.getByRole("button", {name: "Set as default: HDFC Bank"}).click()
  await page.getByRole("main").getByRole("listitem").filter({hasText: "HDFC Bank"}).getByText("Default", {exact: true}).waitFor()
  await page.getByRole("button", {name: "Delete Visa •••• 4242"}).click()
  await page.getByRole("main").getByRole("listitem").filter({hasText: "4242"}).waitFor({state: "detached"})
  assert.equal((await call(page.customer, "GET", "payments/payment-methods/")).count, 3)
}))

test("UPI id that is none is refused beside its field", () => use({screen: "methods"}, async page => {
  const field = page.getByLabel("UPI id")
  await field.fill("not a upi id")
  await page.getByRole("button", {name: "Save", exact: true}).click()
  await see(page.getByRole("alert"), "Enter a valid UPI ID.")
  assert.equal(await field.getAttribute("aria-invalid"), "true")
}))

test("refund shows each of its states", () => use({}, async page => {
  const payment = await topUp(page.customer, "400.00")
  const refund = await control("refund", {payment_id: payment.gateway_payment_id, amount: 15_000, status: "pending"})
  for (let tries = 0; tries < 50 && (await payments(page.customer))[0].amount_refunding !== "150.00"; tries += 1) await page.waitForTimeout(100)
  await page.reload()
  await page.locator("#parts").getByText("₹150.00").waitFor() // on hold
  await page.getByRole("link", {name: "Pay"}).click()
  await page.locator("[data-screen=wallet]").waitFor({state: "hidden"}) // it has a row of the top-up, too
  await page.getByRole("button", {name: /^Top-up/}).click()
  await see(page.getByRole("dialog"), "With the bank")
  await page.keyboard.press("Escape")
  await control("refund_status", {refund_id: refund.id, status: "processed"})
  for (let tries = 0; tries < 50 && (await payments(page.customer))[0].amount_refunded !== "150.00"; tries += 1) await page.waitForTimeout(100)
  await page.getByRole("button", {name: /^Top-up/}).click()
  await see(page.getByRole("dialog"), "Done")
  await page.getByRole("button", {name: "Ask for a refund"}).click()
  await page.getByRole("dialog").getByRole("alert").filter({hasText: /./}).waitFor() // customers may not ask for this one
}))

test("transactions are filtered and have pages", () => use({}, async page => {
  await topUp(page.customer, "100.00")
  for (let number = 0; number < 21; number += 1)
    await call(page.customer, "POST", "payments/payments/", {amount: "1.00", source: "wallet"}, {"Idempotency-Key": `page-${number}`})
  await page.reload()
  const pages = page.getByRole("navigation", {name: "Pages of transactions"})
  await see(pages, "1 of 2")
  await pages.getByRole("button", {name: "Older"}).click()
  await see(pages, "2 of 2")
  await see(page.getByRole("listitem"), "+₹100.00")
  await choose(page, "Direction", "In")
  await pages.waitFor({state: "hidden"})
  assert.equal(await page.locator("#transactions li").count(), 1)
  await page.getByLabel("Category").selectOption("Refund")
  await see(page, "No transactions here yet.")
}))

test("unreachable service is said, and a second attempt works", () => use({}, async page => {
  await page.getByRole("button", {name: "Add money"}).click()
  await see(page, /You can add up to/)
  await page.route("**/add-money/", route => route.abort("connectionreset"))
  const send = page.getByRole("button", {name: "Add ₹500.00"})
  await send.click()
  await see(page.getByRole("alert"), "The service cannot be reached. Please try again.")
  await page.unroute("**/add-money/")
  await send.click()
  await checkoutOf(page).getByRole("button", {name: "Pay ₹500.00"}).click()
  await balance(page, "₹500.00")
}))

test("too large an amount is refused with the limit", () => use({}, async page => {
  await page.getByRole("button", {name: "Add money"}).click()
  await page.getByRole("dialog").getByLabel("Amount in rupees").fill("900000")
  await page.getByRole("button", {name: /^Add ₹9,00,000/}).click()
  await page.getByRole("alert").filter({hasText: /limit of 200000.00/}).waitFor()
}))

test("whole top-up works with the keyboard alone", () => use({}, async page => {
  await page.getByRole("button", {name: "Add money"}).focus()
  await page.keyboard.press("Enter")
  await see(page, /You can add up to/)
  await page.keyboard.type("350")
  await page.keyboard.press("Enter")
  const sheet = checkoutOf(page), pay = sheet.getByRole("button", {name: "Pay ₹350.00"})
  await pay.waitFor()
  for (let tabs = 0; tabs < 12 && !(await pay.evaluate(node => node === document.activeElement)); tabs += 1) await page.keyboard.press("Tab")
  await page.keyboard.press("Enter")
  await balance(page, "₹350.00")
}))

test("customers and languages are switched, and stay so after a reload", () => use({}, async page => {
  await page.getByLabel("Customer").selectOption("Bilal")
  await page.getByRole("button", {name: "हिन्दी"}).click()
  await see(page, "पैसे जोड़ें")
  await page.reload()
  await see(page, "पैसे जोड़ें")
  assert.equal(await page.locator("#customer").evaluate(node => node.selectedOptions[0].textContent), "Bilal")
  assert.equal(await page.locator("html").getAttribute("lang"), "hi")
  await page.getByRole("button", {name: "English"}).click()
  await see(page, "Add money")
}))

test("curl command of a request works as it is copied", () => use({permissions: ["clipboard-read", "clipboard-write"]}, async page => {
  const row = page.getByRole("tabpanel").getByRole("listitem").filter({hasText: "/payments/wallets/"}).last()
  await row.locator("summary").click()
  await row.getByRole("button", {name: "Copy the curl command"}).click()
  await see(page, "Copied.")
  const {execFileSync} = await import("node:child_process")
  const command = await page.evaluate(() => navigator.clipboard.readText())
  assert.ok(command.includes(API))
  assert.equal(JSON.parse(execFileSync("sh", ["-c", `${command} -s`], {encoding: "utf8"})).count, 1)
}))
