/* A drop-in for https://checkout.razorpay.com/v1/checkout.js: `new Razorpay(options).open()`.
 *
 * It opens the stand-in's checkout in a frame over the page. As Razorpay's, it calls `handler` with the three fields,
 * `modal.ondismiss` when the customer closes it, and the listeners of `payment.failed`. With `callback_url` and
 * `redirect`, the whole page goes to checkout and comes back by a form.
 */
(() => {
  "use strict"
  const origin = new URL(document.currentScript.src).origin
  const ABOVE_ALL = 2147483647

  class Razorpay {
    #options
    #listeners = {}
    #frame = null
    #opener = null

    constructor(options) {
      if (!options?.key) throw new Error("No key passed")
      if (!options.order_id) throw new Error("The stand-in requires an order_id")
      this.#options = options
    }

    on(event, listener) {
      (this.#listeners[event] ??= []).push(listener)
      return this
    }

    open() {
      if (this.#frame) return
      const {callback_url, redirect} = this.#options
      const address = new URL("/checkout", origin)
      if (callback_url && redirect) {
        for (const [name, value] of Object.entries(Razorpay.#plain(this.#options)))
          address.searchParams.set(name, typeof value === "object" ? JSON.stringify(value) : value)
        location.assign(address)
        return
      }
      address.searchParams.set("frame", "1")
      address.searchParams.set("order_id", this.#options.order_id)
      this.#opener = document.activeElement
      const frame = document.createElement("iframe")
      frame.title = "Razorpay checkout"
      frame.src = address
      frame.allow = "payment"
      frame.className = "razorpay-checkout-frame"
      Object.assign(frame.style, {
        position: "fixed", inset: 0, width: "100%", height: "100%", border: 0, zIndex: ABOVE_ALL, colorScheme: "normal",
      })
      this.#frame = frame
      addEventListener("message", this.#receive)
      document.body.append(frame)
      frame.onload = () => frame.focus()
    }

    close() {
      this.#remove()
    }

    #remove() {
      removeEventListener("message", this.#receive)
      this.#frame?.remove()
      this.#frame = null
      this.#opener?.focus?.()
    }

    #emit(event, detail) {
      for (const listener of this.#listeners[event] ?? []) listener(detail)
    }

    #receive = ({origin: from, source, data}) => {
      if (from !== origin || source !== this.#frame?.contentWindow || data?.source !== "razorpay-stand-in") return
      switch (data.event) {
        case "ready":
          source.postMessage({source: "razorpay-options", options: Razorpay.#plain(this.#options)}, origin)
          break
        case "failed":
          this.#emit("payment.failed", {error: data.error})
          break
        case "success":
          this.#remove()
          this.#options.handler?.(data.fields)
          this.#emit("payment.success", data.fields)
          break
        case "dismiss":
          this.#remove()
          this.#options.modal?.ondismiss?.(data.reason)
          break
        case "lost": // the app never learns what happened, as when the phone ends it
          this.#remove()
          dispatchEvent(new Event("razorpay-lost"))
      }
    }

    /** The options without functions, which cannot be sent to a frame. */
    static #plain(options) {
      return JSON.parse(JSON.stringify(options))
    }

    static open(options) {
      const checkout = new Razorpay(options)
      checkout.open()
      return checkout
    }
  }

  window.Razorpay = Razorpay
})()
