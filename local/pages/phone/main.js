/* The phone page: its screens, its customers and its two languages. */
import {languageButton} from "../lang.js"
import {choose, customer, phoneNumber, start} from "./api.js"
import {loadCheckout, onFinish, resume} from "./checkout.js"
import {at, toast} from "./dom.js"
import {fillHappened, look, startHappened} from "./happened.js"
import {fillMethods, loadMethods, onMethods, startMethods} from "./methods.js"
import {fillPayments, loadPayments, onPaid, showSources, startPayments} from "./payments.js"
import {clearUpload, loadPhotos, startPhotos} from "./photos.js"
import {fillTexts, t} from "./texts.js"
import {fillWallet, loadTransactions, loadWallet, startWallet} from "./wallet.js"

const LOADERS = {wallet: [loadTransactions], pay: [loadPayments, loadMethods], methods: [loadMethods], photos: [loadPhotos]}

const screen = () => (location.hash.slice(1) in LOADERS ? location.hash.slice(1) : "wallet")

/** Load what the screen shows. */
async function load() {
  try {
    await loadWallet()
    showSources()
    await Promise.all(LOADERS[screen()].map(part => part()))
  } catch (error) {
    toast(error.message, "bad")
  }
  look()
}

function fillNumbers() {
  for (const name of ["contact", "add-contact"]) at(name).value = phoneNumber()
}

function showScreen() {
  for (const section of document.querySelectorAll("[data-screen]")) section.hidden = section.dataset.screen !== screen()
  for (const link of document.querySelectorAll(".tabs a")) {
    if (link.hash === `#${screen()}`) link.setAttribute("aria-current", "page")
    else link.removeAttribute("aria-current")
  }
  at("screen").scrollTop = 0
  scrollTo(0, 0)
}

function fill() {
  fillTexts()
  fillWallet()
  fillPayments()
  fillMethods()
  fillHappened()
}

startWallet()
startPayments()
startMethods()
startPhotos()
startHappened()
fill()
showScreen()
onFinish(load)
onPaid(load)
onMethods(showSources)
addEventListener("hashchange", () => { showScreen(); at("screen").focus({preventScroll: true}); load() })
languageButton(at("language"), () => { fill(); load() })
for (const button of document.querySelectorAll("[data-close]")) button.onclick = () => button.closest("dialog").close()
for (const dialog of document.querySelectorAll("dialog")) dialog.onclick = event => { if (event.target === dialog) dialog.close() }

try {
  const {customers, razorpay} = await start()
  at("customer").replaceChildren(...customers.map(({name}, index) => new Option(name, index)))
  at("customer").value = customers.indexOf(customer())
  at("customer").onchange = () => { choose(Number(at("customer").value)); fillNumbers(); clearUpload(); load().then(resume) }
  fillNumbers()
  loadCheckout(razorpay)
  await load()
  await resume()
} catch {
  toast(t("offline"), "bad")
}
