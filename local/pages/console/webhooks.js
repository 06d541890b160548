/* Webhook deliveries: send one again, twice or tampered, and hold them back. */
import {at, badge, element} from "../dom.js"
import {act, empty, say} from "../desk/parts.js"
import {moneyOfPaise} from "../lang.js"
import {gateway, read} from "./machine.js"
import {t} from "./texts.js"

const opened = new Set()
let drawn = ""
let changed = () => {}

/** What a webhook is about: the amount and the id of its dispute, its refund or its payment. */
function subject(body) {
  const {dispute, refund, payment} = body.payload ?? {}, entity = (dispute ?? refund ?? payment)?.entity
  return entity?.amount ? [moneyOfPaise(entity.amount), entity.id].join(" ") : ""
}

function row({event_id, event, status, attempts, held, body: text}) {
  const body = JSON.parse(text)
  const again = (name, choice) => element("button", {type: "button", textContent: t(name), onclick: act(async () => {
    const answers = await gateway("deliver", {event_id, ...choice})
    say(`${event}: ${answers.map(answer => answer.status || t("no_answer")).join(", ")}`, answers.every(({status: code}) => code >= 200 && code < 300) ? "good" : "bad")
    await loadWebhooks()
    await changed()
  })})
  const details = element("details", {open: opened.has(event_id)},
    element("summary", {}, element("b", {textContent: event}), element("small", {className: "soft numbers", textContent: subject(body)}),
      badge(held ? t("held") : status === null ? "…" : status || t("no_answer"), held ? "wait" : status >= 200 && status < 300 ? "good" : "bad"), element("small", {className: "soft numbers", textContent: t("deliveries", attempts)})),
    element("div", {className: "buttons"}, again("send_again", {}), again("twice", {times: 2}), again("tampered", {tamper: true})),
    element("pre", {tabIndex: 0, textContent: JSON.stringify(body, null, 2)}))
  details.ontoggle = () => (details.open ? opened.add(event_id) : opened.delete(event_id))
  return element("li", {}, details)
}

export async function loadWebhooks() {
  const events = await read("webhooks"), now = JSON.stringify([events, document.documentElement.lang])
  if (now === drawn) return
  drawn = now
  at("webhooks").replaceChildren(events.length ? element("ul", {className: "list"}, events.map(row)) : empty(t("no_webhooks")))
}

export function startWebhooks(onChange) {
  changed = onChange
  at("hold").onchange = act(async () => {
    await gateway("hold", {hold: at("hold").checked})
    say(t(at("hold").checked ? "webhooks_wait" : "webhooks_go"))
    await changed()
  })
  at("deliver").onclick = act(async () => {
    say(t("delivered", (await gateway("deliver")).length), "good")
    await loadWebhooks()
    await changed()
  })
}
