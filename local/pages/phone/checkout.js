/* From an open payment through Razorpay's checkout to its end, as an app goes: verify, then ask again while it is pending.
 *
 * The payment is remembered until its end is known. An app that was ended meanwhile asks when it comes back.
 */
import {currentLanguage} from "../lang.js"
import {call, customer} from "./api.js"
import {toast} from "./dom.js"
import {money, t} from "./texts.js"

const ASKS_MAX = 4
const PENDING = ["created", "authorized"]
const wait = seconds => new Promise(resolve => setTimeout(resolve, seconds * 1000))
let finished = async () => {}
let isOpen = false

export const onFinish = listener => { finished = listener }

/** Load the drop-in checkout.js of the stand-in. */
export function loadCheckout(address) {
  document.head.append(Object.assign(document.createElement("script"), {src: `${address}/v1/checkout.js`}))
  document.addEventListener("visibilitychange", () => { if (!document.hidden) resume() })
}

const remember = payment => { localStorage.openPayment = JSON.stringify({customer: customer().id, payment}) }
const forget = () => localStorage.removeItem("openPayment")

/** Open checkout for a payment; resolves once the payment's end is known or checkout was closed. */
export function payAtCheckout(payment) {
  if (!window.Razorpay) return toast(t("offline"), "bad")
  remember(payment.id)
  isOpen = true
  return new Promise(resolve => {
    const listening = new AbortController()
    const end = async work => {
      isOpen = false
      listening.abort()
      await work()
      resolve()
    }
    const checkout = new window.Razorpay({
      ...payment.checkout,
      config: {...payment.checkout.config, display: {...payment.checkout.config?.display, language: currentLanguage()}},
      handler: fields => end(() => settle(payment.id, `payments/payments/${payment.id}/verify/`, fields)),
      modal: {ondismiss: () => end(() => settle(payment.id, `payments/payments/${payment.id}/sync/`, {}, true))},
    })
    addEventListener("razorpay-lost", () => end(resume), {signal: listening.signal})
    checkout.open()
  })
}

/** Ask about the payment that was open when the app lost sight of it. */
export async function resume() {
  const open = JSON.parse(localStorage.openPayment ?? "null")
  if (open?.customer === customer().id && !isOpen) {
    toast(t("checking"), "wait")
    await settle(open.payment, `payments/payments/${open.payment}/sync/`, {})
  }
}

/** Ask until the payment has an end; `wasClosed` says that the customer closed checkout. */
export async function settle(id, path, sent, wasClosed = false) {
  try {
    let {status, body, headers} = await call("POST", path, sent)
    for (let asked = 1; status === 202 && !wasClosed && asked < ASKS_MAX; asked += 1) {
      toast(t("checking"), "wait")
      await wait(Number(headers.get("Retry-After")) || 3)
      ;({status, body, headers} = await call("POST", `payments/payments/${id}/sync/`, {}))
    }
    tell(body, wasClosed)
    if (!PENDING.includes(body.status)) forget()
    if (wasClosed && body.status === "created") forget()
  } catch (error) {
    toast(error.message, "bad")
  }
  await finished()
}

function tell(payment, wasClosed) {
  if (payment.in_review) toast(t("in_review"), "wait")
  else if (payment.status === "captured") toast(t(payment.purpose === "top_up" ? "added" : "paid", money(payment.paid ?? payment.amount)), "good")
  else if (payment.status === "failed") toast(t("payment_failed", payment.failure?.text ?? ""), "bad")
  else if (wasClosed && payment.status === "created") toast(t("checkout_closed"), "wait")
  else if (PENDING.includes(payment.status)) toast(t("still_pending"), "wait")
  else toast(t(`status_${payment.status}`), "wait")
}
