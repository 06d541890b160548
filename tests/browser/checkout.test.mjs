// The stand-in's checkout: how it is opened as Razorpay's, and the ways by which its answer comes back.
import assert from "node:assert/strict"
import {createServer} from "node:http"
import {after, before, test} from "node:test"

import {RAZORPAY, call, choose, control, newCustomer, newPage, see, useBrowser} from "./support.mjs"

useBrowser()

// A shop's own page at an address of its own; it keeps the forms that checkout sends back.
let shop, shopUrl
const forms = []

before(async () => {
  shop = createServer((request, response) => {
    const chunks = []
    request.on("data", chunk => chunks.push(chunk))
    request.on("end", () => {
      if (request.method === "POST") forms.push(Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString())))
      response.writeHead(200, {"Content-Type": "text/html"})
      response.end(`<!doctype html><title>Shop</title><h1>${request.method === "POST" ? "Thank you" : "Shop"}</h1><script src="${RAZORPAY}/v1/checkout.js"></script>`)
    })
  })
  await new Promise(resolve => shop.listen(0, "127.0.0.1", resolve))
  shopUrl = `http://127.0.0.1:${shop.address().port}/`
})
after(() => shop.close())

const newOrder = async () => call(await newCustomer("Chitra"), "POST", "payments/payments/", {amount: "340.00", source: "gateway"})

async function use(work, options) {
  const page = await newPage(options)
  try {
    await work(page)
    assert.deepEqual(page.errors, [])
  } finally {
    await page.context().close()
  }
}

const checkoutAt = (order, choice = {}) => `${RAZORPAY}/checkout?${new URLSearchParams({order_id: order.gateway_order_id, ...choice})}`
const pay = place => place.getByRole("button", {name: "Pay ₹340.00"})
const FIELDS = ["razorpay_order_id", "razorpay_payment_id", "razorpay_signature"]

/** Open checkout.js on the shop's page; what it calls is kept in `window.calls`. */
async function openAtShop(page, order) {
  await page.goto(shopUrl)
  await page.evaluate(options => {
    window.calls = []
    const checkout = new window.Razorpay({...options, handler: fields => window.calls.push(["handler", fields]), modal: {ondismiss: () => window.calls.push(["ondismiss"])}})
    checkout.on("payment.failed", ({error}) => window.calls.push(["payment.failed", error]))
    checkout.open()
  }, order.checkout)
  const sheet = page.frameLocator("iframe[title='Razorpay checkout']")
  await pay(sheet).and(sheet.locator(":enabled")).waitFor()
  return sheet
}

test("shop's handler receives the three fields", () => use(async page => {
  const order = await newOrder(), sheet = await openAtShop(page, order)
  await pay(sheet).click()
  await page.waitForFunction(() => window.calls.length === 1)
  const [[name, fields]] = await page.evaluate(() => window.calls)
  assert.deepEqual([name, Object.keys(fields).sort(), fields.razorpay_order_id], ["handler", FIELDS, order.gateway_order_id])
  assert.equal(await page.locator("iframe").count(), 0)
}))

test("shop hears of a failure and then of the dismissal", () => use(async page => {
  const sheet = await openAtShop(page, await newOrder())
  await sheet.getByText("Let something else happen").click()
  await sheet.getByLabel("Reason").selectOption("incorrect otp")
  await sheet.getByRole("button", {name: "Fail", exact: true}).click()
  await see(sheet, /incorrect otp/)
  await sheet.getByRole("button", {name: "Close"}).click()
  await page.waitForFunction(() => window.calls.length === 2)
  const calls = await page.evaluate(() => window.calls)
  assert.deepEqual(calls.map(([name]) => name), ["payment.failed", "ondismiss"])
  assert.equal(calls[0][1].reason, "incorrect_otp")
  assert.match(calls[0][1].metadata.payment_id, /^pay_/)
}))

test("Escape closes checkout", () => use(async page => {
  const sheet = await openAtShop(page, await newOrder())
  await sheet.getByRole("button", {name: "Close"}).focus()
  await page.keyboard.press("Escape")
  await page.waitForFunction(() => window.calls.length === 1)
  assert.deepEqual(await page.evaluate(() => window.calls), [["ondismiss"]])
}))

test("redirect sends the whole page and comes back by a form", () => use(async page => {
  const order = await newOrder()
  await page.goto(shopUrl)
  await page.evaluate(options => new window.Razorpay(options).open(), {...order.checkout, callback_url: `${shopUrl}done`, redirect: true})
  await pay(page).click()
  await see(page, "Thank you")
  assert.deepEqual(Object.keys(forms.at(-1)).sort(), FIELDS)
}))

test("closed checkout comes back by a form with the error", () => use(async page => {
  await page.goto(checkoutAt(await newOrder(), {callback_url: shopUrl}))
  await pay(page).and(page.locator(":enabled")).waitFor()
  await page.getByRole("button", {name: "Close"}).click()
  await see(page, "Thank you")
  assert.equal(forms.at(-1)["error[reason]"], "payment_cancelled")
}))

test("app's own address receives the fields in its query", () => use(async page => {
  const devtools = await page.context().newCDPSession(page), addresses = []
  await devtools.send("Page.enable")
  devtools.on("Page.frameRequestedNavigation", ({url}) => addresses.push(url))
  await page.goto(checkoutAt(await newOrder(), {callback_url: "garmentpay://paid"}))
  await pay(page).click()
  await see(page, "Paid. You can go back to the app.")
  for (let tries = 0; tries < 50 && !addresses.some(url => url.startsWith("garmentpay:")); tries += 1) await page.waitForTimeout(100)
  const url = new URL(addresses.find(address => address.startsWith("garmentpay:")))
  assert.deepEqual([...url.searchParams.keys()].sort(), FIELDS)
}))

test("script as callback address is not followed", () => use(async page => {
  await page.goto(checkoutAt(await newOrder(), {callback_url: "javascript:document.title='taken'"}))
  await pay(page).click()
  await see(page, "Paid. You can go back to the app.")
  assert.equal(await page.title(), "Test checkout")
}))

test("WebView's bridge receives the answer as text", () => use(async page => {
  await page.addInitScript(() => {
    window.messages = []
    window.ReactNativeWebView = {postMessage: text => window.messages.push(text)}
  })
  await page.goto(checkoutAt(await newOrder()))
  await pay(page).click()
  await see(page, "Paid. You can go back to the app.")
  const messages = (await page.evaluate(() => window.messages)).map(text => JSON.parse(text))
  assert.deepEqual(messages.map(({event}) => event), ["success"])
  assert.deepEqual(Object.keys(messages[0].fields).sort(), FIELDS)
}))

test("window that opened checkout receives the answer as a message", () => use(async page => {
  const order = await newOrder()
  await page.goto(shopUrl)
  const [popup] = await Promise.all([page.waitForEvent("popup"), page.evaluate(url => {
    window.answers = []
    addEventListener("message", ({data}) => window.answers.push(data.event))
    window.open(url)
  }, checkoutAt(order))])
  await pay(popup).click()
  await page.waitForFunction(() => window.answers.includes("success"))
}))

test("each method pays with what was chosen", () => use(async page => {
  for (const [method, legend, name, field, value] of [
    ["UPI", "Choose a UPI app", "BHIM", "vpa", "asha@upi"],
    ["Netbanking", "Choose a bank", "ICICI Bank", "bank", "ICIC"],
    ["Wallet", "Choose a wallet", "PayZapp", "wallet", "payzapp"],
  ]) {
    const order = await newOrder()
    await page.goto(checkoutAt(order))
    await pay(page).and(page.locator(":enabled")).waitFor()
    await choose(page, "Pay with", method)
    await choose(page, legend, name)
    await pay(page).click()
    await see(page, "Paid. You can go back to the app.")
    const payment = Object.values((await control("state")).payments).find(({order_id}) => order_id === order.gateway_order_id)
    assert.deepEqual([payment.method, payment[field]], [method.toLowerCase(), value])
  }
}))

test("checkout speaks the language of its options, and remembers the one that is chosen", () => use(async page => {
  const order = await newOrder()
  await page.goto(checkoutAt(order, {config: JSON.stringify({display: {language: "hi"}})}))
  await page.getByRole("button", {name: "₹340.00 चुकाएँ"}).and(page.locator(":enabled")).waitFor()
  await page.getByRole("button", {name: "English"}).click()
  await pay(page).waitFor()
  await page.getByRole("button", {name: "हिन्दी"}).click()
  await page.goto(checkoutAt(order))
  await page.getByRole("group", {name: "किससे चुकाएँ"}).getByRole("radio", {name: "कार्ड"}).check()
  await page.getByLabel("कार्ड नंबर").fill("4111")
  await page.getByRole("button", {name: "₹340.00 चुकाएँ"}).click()
  await see(page, /12 या अधिक अंकों/)
}))

test("card number that is too short pays nothing", () => use(async page => {
  const order = await newOrder()
  await page.goto(checkoutAt(order))
  await pay(page).and(page.locator(":enabled")).waitFor()
  await choose(page, "Pay with", "Card")
  await page.getByLabel("Card number").fill("4111")
  await pay(page).click()
  await see(page, /12 digits or more/)
  assert.equal((await control("checkout", {order_id: order.gateway_order_id})).order.attempts, 0)
}))

test("pending payment is said, and an unknown order too", () => use(async page => {
  await page.goto(checkoutAt(await newOrder()))
  await pay(page).and(page.locator(":enabled")).waitFor()
  await page.getByText("Let something else happen").click()
  await page.getByRole("button", {name: "Leave pending"}).click()
  await see(page, "Your bank has not answered yet.")
  await page.goto(`${RAZORPAY}/checkout?order_id=order_unknown`)
  await see(page, "The id provided does not exist")
  assert.ok(await page.getByRole("button", {name: "Pay"}).isDisabled())
}))
