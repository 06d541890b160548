/* What waits for staff: reviews, proposals, and webhooks that could not be used. */
import {badge, element} from "../dom.js"
import {money, time} from "../lang.js"
import {api} from "./api.js"
import {WIDE_PX, act, action, code, empty, facts, field, fillWith, say, toneOf, words} from "./parts.js"
import {download} from "./record.js"
import {t, word} from "./texts.js"

/** A list of `results` on the left, with the chosen one on the right, and a button for further pages. */
export function queue(list, detail, {path, none, choose, row, view}) {
  let chosen = null
  const show = (item, button) => {
    chosen = item.id
    for (const other of list.querySelectorAll("[aria-current]")) other.removeAttribute("aria-current")
    button?.setAttribute("aria-current", "true")
    return fillWith(detail, () => view(item, reload))
  }
  const rows = items => items.map(item => {
    const button = element("button", {type: "button", onclick: event => { show(item, event.currentTarget); if (innerWidth < WIDE_PX) detail.scrollIntoView({block: "start"}) }}, row(item))
    if (item.id === chosen) button.setAttribute("aria-current", "true")
    return element("li", {}, button)
  })
  const page = async number => {
    const found = await api(`${path()}${path().includes("?") ? "&" : "?"}page=${number}`)
    const items = element("ul", {className: "list"}, rows(found.results))
    const more = found.next ? element("button", {type: "button", textContent: t("more"), onclick: act(async () => { more.replaceWith(...(await page(number + 1))) })}) : null
    return [items, more].filter(Boolean)
  }
  const load = () => fillWith(list, async isWanted => {
    const nodes = await page(1), first = nodes[0].querySelector("button")
    if (isWanted() && !nodes[0].querySelector("[aria-current]")) {
      detail.replaceChildren(empty(choose()))
      if (first && innerWidth >= WIDE_PX) first.click()
    }
    return first ? nodes : empty(none())
  })
  const reload = async () => {
    chosen = null
    await load()
  }
  detail.replaceChildren(empty(choose()))
  return load
}

/* --- reviews */

export const reviewQueue = (list, detail, filter, open) => queue(list, detail, {
  path: () => `reviews/?status=${filter()}`,
  none: () => t("no_reviews"),
  choose: () => t("choose_review"),
  row: ({reason, assigned_to, created_at, gateway_id, status}) => [element("b", {textContent: words(reason)}), badge(assigned_to && status === "open" ? assigned_to.slice(0, 8) : word("status", status), toneOf(status)),
    element("small", {textContent: gateway_id}), element("small", {className: "numbers", textContent: time(created_at)})],
  view: (review, reload) => [
    element("h2", {textContent: words(review.reason)}),
    element("p", {className: "lead", textContent: review.explanation}),
    facts([[t("status"), badge(word("status", review.status), toneOf(review.status))], [t("assigned_to"), code(review.assigned_to)], [t("waits_since"), time(review.created_at)], [t("at_razorpay"), code(review.gateway_id)], [t("customer"), code(review.customer)],
      [t("action"), review.action && words(review.action)], [t("resolved_by"), code(review.resolved_by)]]),
    element("div", {className: "buttons"}, element("button", {type: "button", textContent: t("open_payment"), onclick: () => open("payment", review.payment)})),
    review.actions.length ? resolveForm(review, reload) : null,
  ],
})

function resolveForm(review, reload) {
  const assignee = field(t("assignee"), {name: "assignee"})
  const choice = field(t("action"), {name: "action", options: review.actions.map(name => [name, words(name)]), onchange: event => { assignee.hidden = event.target.value !== "assign" }})
  assignee.hidden = review.actions[0] !== "assign"
  const form = action(t("resolve"), {group: "support", fields: [choice, assignee, field(t("reason"), {name: "reason", required: true, maxLength: 255})], submit: t("do_it"), send: async (sent, key) => {
    if (sent.action !== "assign") delete sent.assignee
    await api(`reviews/${review.id}/resolve/`, sent, key)
    say(t("review_done", words(sent.action)), "good")
    await reload()
  }})
  form.open = true
  return form
}

/* --- proposals */

export const proposalQueue = (list, detail, filter, open) => queue(list, detail, {
  path: () => `proposals/?status=${filter()}`,
  none: () => t("no_proposals"),
  choose: () => t("choose_proposal"),
  row: ({kind, amount, status, reason, created_at}) => [element("b", {className: "numbers", textContent: `${word("kind", kind)} ${money(amount)}`}), badge(word("status", status), toneOf(status)),
    element("small", {textContent: reason}), element("small", {className: "numbers", textContent: time(created_at)})],
  view: (proposal, reload) => [
    element("p", {className: "total"}, money(proposal.amount), badge(word("status", proposal.status), toneOf(proposal.status))),
    element("p", {className: "lead", textContent: proposal.reason}),
    facts([[t("kind"), word("kind", proposal.kind)], [t("type"), proposal.type && t(`adjustment_${proposal.type}`)], [t("destination"), proposal.destination && t(`destination_${proposal.destination}`)], [t("proposed_by"), code(proposal.proposed_by)],
      [t("customer"), code(proposal.customer)], [t("lapses_at"), proposal.status === "proposed" && time(proposal.lapses_at)], [t("decided_by"), code(proposal.decided_by)], [t("decision_reason"), proposal.decision_reason]]),
    element("div", {className: "buttons"}, element("button", {type: "button", textContent: t(proposal.payment ? "open_payment" : "its_customer"), onclick: () => (proposal.payment ? open("payment", proposal.payment) : open("customer", proposal.customer))})),
    proposal.status === "proposed" || proposal.status === "approved" ? decideForm(proposal, reload) : null,
  ],
})

function decideForm(proposal, reload) {
  const verdict = field(t("decide"), {name: "verdict", options: ["approve", "reject"].map(name => [name, t(name)])})
  const form = action(t("decide"), {group: "approver", fields: [verdict, field(t("reason"), {name: "reason", maxLength: 255})], submit: t("do_it"), send: async ({verdict: what, ...sent}, key) => {
    const {status} = await api(`proposals/${proposal.id}/${what}/`, sent, key)
    say(t("decided", word("status", status)), "good")
    await reload()
  }})
  form.open = true
  return form
}

/* --- disputes */

export const disputeQueue = (list, detail, filter, open) => queue(list, detail, {
  path: () => `disputes/${filter() ? `?answer_due=${filter()}` : ""}`,
  none: () => t("no_disputes"),
  choose: () => t("choose_dispute"),
  row: ({amount, reason, status, answer_due, respond_by, opened_at}) => [element("b", {className: "numbers", textContent: money(amount)}), answer_due ? badge(t("answer_due"), "bad") : badge(words(status), toneOf(status)),
    element("small", {textContent: words(reason)}), element("small", {className: "numbers", textContent: time(respond_by ?? opened_at)})],
  view: ({id, payment, customer, amount, status, phase, reason, held, owed, amount_deducted, respond_by, opened_at}) => [
    element("p", {className: "total"}, money(amount), badge(words(status), toneOf(status))),
    element("p", {className: "lead", textContent: words(reason)}),
    facts([[t("respond_by"), respond_by && time(respond_by)], [t("opened"), time(opened_at)], [t("phase"), words(phase)], [t("on_hold"), money(held)], [t("owed"), Number(owed) && money(owed)], [t("deducted"), Number(amount_deducted) && money(amount_deducted)], [t("customer"), code(customer)], ["Id", code(id)]]),
    element("div", {className: "buttons"}, element("button", {type: "button", className: "first", textContent: t("download_evidence"), onclick: act(() => download(payment, id))}),
      element("button", {type: "button", textContent: t("open_payment"), onclick: () => open("payment", payment)})),
  ],
})

/* --- webhooks that could not be used */

export const webhookQueue = (list, detail) => queue(list, detail, {
  path: () => "webhooks/",
  none: () => t("no_unusable"),
  choose: () => t("unusable_lead"),
  row: ({event_id, problem, received_at}) => [element("b", {textContent: event_id || "–"}), badge(words(problem), "bad"), element("small", {textContent: ""}), element("small", {className: "numbers", textContent: time(received_at)})],
  view: ({id, event_id, problem, received_at, expires_at}, reload) => [
    element("h2", {textContent: event_id || "–"}),
    facts([[t("problem"), words(problem)], [t("received"), time(received_at)], [t("lapses_at"), time(expires_at)], ["Id", code(id)]]),
    action(t("replay"), {group: "support", fields: [field(t("reason"), {name: "reason", required: true, maxLength: 255})], submit: t("replay"), send: async sent => {
      const {outcome} = await api(`webhooks/${encodeURIComponent(id)}/replay/`, sent)
      say(t("replayed", words(outcome)), "good")
      await reload()
    }}),
  ],
})
