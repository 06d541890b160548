// The API's documents: every operation is there, and can be tried with a token at hand.
import assert from "node:assert/strict"
import {test} from "node:test"

import {API, newPage, see, useBrowser} from "./support.mjs"

useBrowser()

async function use(work) {
  const page = await newPage({viewport: {width: 1440, height: 900}})
  const elsewhere = []
  page.on("request", request => { if (!request.url().startsWith(API) && !request.url().startsWith("data:")) elsewhere.push(request.url()) })
  try {
    await page.goto(`${API}/docs`)
    await page.locator(".operation").first().waitFor()
    await work(page)
    assert.deepEqual([page.errors, elsewhere], [[], []])
  } finally {
    await page.context().close()
  }
}

const operation = (page, id) => page.locator(`#${id}`)

async function open(page, id) {
  await operation(page, id).locator("> summary").click()
  return operation(page, id)
}

test("documents list every operation and can be searched", () => use(async page => {
  const spec = await (await fetch(`${API}/openapi.json`)).json()
  const ids = Object.values(spec.paths).flatMap(item => ["get", "post", "put", "patch", "delete"].map(verb => item[verb]?.operationId).filter(Boolean))
  assert.deepEqual(await page.locator(".operation").evaluateAll(nodes => nodes.map(({id}) => id).sort()), ids.sort())
  await page.getByLabel("Find").fill("POST refunds")
  const shown = page.locator(".operation").filter({visible: true})
  assert.deepEqual(await shown.evaluateAll(nodes => nodes.map(({id}) => id).sort()), Object.entries(spec.paths).filter(([path, {post}]) => post && path.includes("refunds")).map(([, {post}]) => post.operationId).sort())
}))

test("every operation shows its parameters, body and responses", () => use(async page => {
  await page.evaluate(() => { for (const node of document.querySelectorAll(".operation")) node.open = true })
  await page.waitForFunction(() => [...document.querySelectorAll(".operation")].every(node => node.children.length === 2))
  const text = await page.getByRole("main").innerText()
  assert.ok(!/\[object |undefined/.test(text), text.match(/.{40}(\[object |undefined).{40}/s)?.[0])
}))

test("operation is tried with a customer's token", () => use(async page => {
  const wallets = await open(page, "listWallets")
  await wallets.getByRole("button", {name: "Send"}).click()
  await see(wallets.getByRole("status"), "200")
  await see(wallets.getByRole("status"), /"balance"/)
}))

test("refused attempt shows its code", () => use(async page => {
  const payment = await open(page, "retrievePayment")
  await payment.getByLabel("id", {exact: true}).fill("00000000-0000-4000-8000-000000000000")
  await payment.getByRole("button", {name: "Send"}).click()
  await see(payment.getByRole("status"), "404")
  await see(payment.getByRole("status"), /x-error-code: not_found/)
}))

test("staff's operation is tried with a token of staff, and refused with a customer's", () => use(async page => {
  const search = await open(page, "searchStaff")
  await search.getByLabel("q", {exact: true}).fill("order_unknown")
  await search.getByRole("button", {name: "Send"}).click()
  await see(search.getByRole("status"), "401")
  await page.getByLabel("Try as").selectOption({label: "Sunita, support"})
  await search.getByRole("button", {name: "Send"}).click()
  await see(search.getByRole("status"), "200")
}))
