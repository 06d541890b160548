// The browser's part of the first minute: a new customer tops up the wallet. Prints a line when each step is on the screen.
import {chromium} from "playwright-core"

const {API, CHROMIUM, SCREENSHOTS} = process.env
const browser = await chromium.launch({executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"]})
const page = await browser.newPage({viewport: {width: 1440, height: 900}, locale: "en-IN", timezoneId: "Asia/Kolkata"})
let frames = 0

async function step(text) {
  frames += 1
  await page.screenshot({path: `${SCREENSHOTS}/first-minute-${frames}.png`})
  console.log(text)
}

const balance = text => page.waitForFunction(wanted => document.getElementById("balance").textContent === wanted, text)

try {
  await page.goto(API)
  await page.getByLabel("Customer").selectOption({label: "Bilal"})
  await balance("₹0.00")
  await step("the phone page shows Bilal's empty wallet")
  await page.getByRole("button", {name: "Add money"}).click()
  await page.getByRole("dialog", {name: "Add money"}).getByRole("button", {name: "Add ₹500.00"}).click()
  const sheet = page.frameLocator("iframe[title='Razorpay checkout']")
  await sheet.getByRole("button", {name: "Pay ₹500.00"}).and(sheet.locator(":enabled")).waitFor()
  await step("checkout is open, with 500.00 to pay by UPI")
  await sheet.getByRole("button", {name: "Pay ₹500.00"}).click()
  await balance("₹500.00")
  await step("the wallet has 500.00")
} catch (error) {
  await page.screenshot({path: `${SCREENSHOTS}/first-minute-failure.png`})
  throw error
} finally {
  await browser.close()
}
