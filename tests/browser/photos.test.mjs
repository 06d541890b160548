// Photos on the phone page: a presigned upload straight to S3, its progress, and the photo before and after.
import assert from "node:assert/strict"
import {test} from "node:test"

import {openPhone, see, useBrowser} from "./support.mjs"

useBrowser()

/** A photo of noise, drawn in the browser: JPEG of about so many pixels in a row. */
async function photo(page, width = 1600) {
  const url = await page.evaluate(width => {
    const canvas = Object.assign(document.createElement("canvas"), {width, height: width * 0.75}), context = canvas.getContext("2d")
    const image = context.createImageData(canvas.width, canvas.height)
    let seed = 7
    for (let index = 0; index < image.data.length; index += 1) {
      seed = (seed * 1103515245 + 12345) % 2147483648
      image.data[index] = index % 4 === 3 ? 255 : 90 + ((index / 4 / canvas.width) % 120) + (seed % 40)
    }
    context.putImageData(image, 0, 0)
    return canvas.toDataURL("image/jpeg", 0.9)
  }, width)
  return {name: "shirt.jpg", mimeType: "image/jpeg", buffer: Buffer.from(url.split(",")[1], "base64")}
}

async function use(work) {
  const page = await openPhone({screen: "photos"})
  try {
    await work(page)
    assert.deepEqual(page.errors, [])
  } finally {
    await page.context().close()
  }
}

const pick = (page, file) => page.getByLabel("Take or choose a photo").setInputFiles(file)

test("photo uploads with its progress and is compared with a slider", () => use(async page => {
  const file = await photo(page)
  const network = await page.context().newCDPSession(page)
  await network.send("Network.enable")
  await network.send("Network.emulateNetworkConditions", {offline: false, latency: 20, downloadThroughput: 10e6, uploadThroughput: file.buffer.length / 2})
  await page.evaluate(() => {
    window.seen = []
    new MutationObserver(() => window.seen.push(document.getElementById("upload-bar").value)).observe(document.getElementById("upload-bar"), {attributes: true})
  })
  await pick(page, file)
  await see(page, /^Uploading, \d+ %/)
  await see(page, /^Ready: .+ instead of /)
  const seen = new Set(await page.evaluate(() => window.seen))
  assert.ok(seen.size > 3, `the bar moved through ${[...seen]}`)
  const slider = page.getByRole("slider", {name: "How much of the photo before shows"})
  await slider.focus()
  await page.keyboard.press("ArrowRight")
  assert.equal(await page.locator("#frame").evaluate(node => node.style.getPropertyValue("--cut")), "51%")
  const [before, after] = await Promise.all(["The selected photo", "The stored photo"].map(name => page.getByRole("img", {name}).evaluate(node => node.decode().then(() => node.naturalWidth))))
  assert.equal(before, 1600)
  assert.ok(after > 0)
  await page.getByRole("button", {name: /^Delete Photo of/}).click()
  await see(page, "No photos yet.")
}))

test("lost connection leaves nothing and the photo is sent again", () => use(async page => {
  const isUpload = url => !url.pathname.startsWith("/api/") && !url.pathname.startsWith("/pages/") && !url.pathname.startsWith("/_")
  let lost = 0
  await page.route(isUpload, route => (route.request().method() === "POST" && lost++ === 0 ? route.abort("connectionreset") : route.continue()))
  await pick(page, await photo(page, 400))
  await see(page, "The connection was lost. Nothing is uploaded.")
  await see(page, "No photos yet.")
  await page.getByRole("button", {name: "Try again"}).click()
  await see(page, /^Ready: /)
}))

test("upload is cancelled halfway", () => use(async page => {
  const file = await photo(page)
  const network = await page.context().newCDPSession(page)
  await network.send("Network.enable")
  await network.send("Network.emulateNetworkConditions", {offline: false, latency: 20, downloadThroughput: 10e6, uploadThroughput: file.buffer.length / 20})
  await pick(page, file)
  await see(page, /^Uploading, \d+ %/)
  await page.getByRole("button", {name: "Cancel"}).click()
  await see(page, "Cancelled.")
  await see(page, "No photos yet.")
}))

test("file that is no photo is rejected in words", () => use(async page => {
  await pick(page, {name: "notes.jpg", mimeType: "image/jpeg", buffer: Buffer.from("not a photo at all")})
  await page.locator("#upload-text.bad").waitFor()
  assert.match(await page.locator("#upload-text").textContent(), /photo|image|file/i)
}))
