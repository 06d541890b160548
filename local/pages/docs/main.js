/* The API's documents, drawn from openapi.json, with a form for each operation that sends it to this machine. */
import {at, copy, element} from "../dom.js"
import {languageButton} from "../lang.js"
import {fill, t} from "./texts.js"

const VERBS = ["get", "post", "put", "patch", "delete"]
let spec = {}
let people = []

/* --- reading the document */

/** The object that a `$ref` names, through any number of them. */
function resolve(node) {
  while (node?.$ref) node = node.$ref.slice(2).split("/").reduce((inner, name) => inner[name.replaceAll("~1", "/").replaceAll("~0", "~")], spec)
  return node
}

const nameOf = node => node?.$ref?.split("/").pop()

function kindOf(schema) {
  const inner = resolve(schema) ?? {}
  if (inner.oneOf || inner.anyOf) return (inner.oneOf ?? inner.anyOf).map(kindOf).join(` ${t("or")} `)
  if (inner.type === "array") return t("list_of", kindOf(inner.items))
  if (inner.enum) return t("one_of")
  const type = [inner.type ?? t(inner.const !== undefined ? "constant" : "any")].flat().join(` ${t("or")} `)
  if (type === "object" && nameOf(schema)) return nameOf(schema)
  return inner.format ? `${type}, ${inner.format}` : type
}

function detailOf(schema) {
  const inner = resolve(schema) ?? {}, limits = []
  if (inner.enum) limits.push(inner.enum.map(value => JSON.stringify(value)).join(", "))
  for (const key of ["minimum", "maximum"]) if (inner[key] !== undefined) limits.push(t(key, inner[key]))
  if (inner.maxLength !== undefined) limits.push(t("characters", inner.minLength ?? 0, inner.maxLength))
  if (inner.pattern) limits.push(inner.pattern)
  return [schema.description ?? inner.description, limits.join(", ")].filter(Boolean).join(" ")
}

/** A value that fits the schema, from its examples where it has some. */
function sample(schema, depth = 0) {
  const inner = resolve(schema) ?? {}
  const example = schema?.examples?.[0] ?? inner.examples?.[0] ?? inner.default ?? inner.const
  if (example !== undefined) return example
  if (inner.enum) return inner.enum[0]
  if (inner.oneOf || inner.anyOf) return sample((inner.oneOf ?? inner.anyOf)[0], depth)
  switch ([inner.type].flat()[0]) {
    case "object": return depth > 4 ? {} : Object.fromEntries(Object.entries(inner.properties ?? {}).map(([name, property]) => [name, sample(property, depth + 1)]))
    case "array": return depth > 4 ? [] : [sample(inner.items, depth + 1)]
    case "integer": case "number": return inner.minimum ?? 0
    case "boolean": return false
    case "null": return null
  }
  if (inner.format === "uuid") return "00000000-0000-4000-8000-000000000000"
  return inner.format === "date-time" ? "2026-01-09T12:00:00Z" : ""
}

const exampleOf = media => {
  const first = Object.values(media?.examples ?? {})[0]
  return media?.example ?? resolve(first)?.value ?? (media?.schema ? sample(media.schema) : undefined)
}

/** What a request is filled with at the start: the required fields, and no more than an example has. */
function bodyOf(media) {
  const schema = resolve(media.schema) ?? {}
  const example = Object.values(media.examples ?? {})[0]
  if (example) return resolve(example).value
  const wanted = Object.entries(schema.properties ?? {}).filter(([name, property]) => schema.required?.includes(name) || property.examples)
  return Object.fromEntries(wanted.map(([name, property]) => [name, sample(property)]))
}

const operations = () => Object.entries(spec.paths).flatMap(([path, item]) =>
  VERBS.filter(verb => item[verb]).map(verb => ({path, verb, ...item[verb], parameters: [...(item.parameters ?? []), ...(item[verb].parameters ?? [])].map(resolve)})))

/* --- drawing it */

/** Text whose parts between backticks are code. */
const prose = text => text.split("`").map((part, index) => (index % 2 ? element("code", {textContent: part}) : part))

const verbMark = verb => element("b", {className: `verb ${verb}`, textContent: verb.toUpperCase()})

function names(rows) {
  return element("dl", {className: "names"}, rows.map(([name, schema, required, text]) => element("div", {},
    element("dt", {}, element("code", {textContent: name}), element("span", {className: "kind", textContent: kindOf(schema)}), required ? element("span", {className: "must", textContent: t("required")}) : null),
    element("dd", {}, prose(text || detailOf(schema))))))
}

const json = value => element("pre", {tabIndex: 0, textContent: typeof value === "string" ? value : JSON.stringify(value, null, 2)})

function response([status, node]) {
  const {description, headers, content} = resolve(node), [type, media] = Object.entries(content ?? {})[0] ?? []
  const value = exampleOf(media)
  return element("details", {className: "response"},
    element("summary", {}, element("span", {className: `badge ${status < 300 ? "good" : "bad"}`, textContent: status}), description, type ? element("span", {className: "kind", textContent: nameOf(media.schema) ?? type}) : null),
    headers ? element("p", {className: "small soft", textContent: t("headers", Object.keys(headers).join(", "))}) : null,
    value === undefined ? null : json(value))
}

function describe(operation) {
  const {parameters, requestBody, responses, description} = operation, media = Object.entries(resolve(requestBody)?.content ?? {})
  return element("div", {},
    description ? element("p", {}, prose(description)) : null,
    parameters.length ? [element("h3", {textContent: t("parameters")}), names(parameters.map(({name, schema, required, description: text}) => [name, schema, required, [text, detailOf(schema)].filter(Boolean).join(" ")]))] : null,
    media.map(([type, {schema}]) => [element("h3", {textContent: t("body_of", type)}), names(Object.entries(resolve(schema)?.properties ?? {}).map(([name, property]) => [name, property, resolve(schema).required?.includes(name)]))]),
    element("h3", {textContent: t("responses")}), element("div", {className: "responses"}, Object.entries(responses).map(response)))
}

const quoted = text => `'${String(text).replaceAll("'", `'\\''`)}'`

function request(operation, form) {
  const values = new FormData(form), query = new URLSearchParams(), headers = {}
  let path = operation.path
  for (const {name, in: place} of operation.parameters) {
    const value = values.get(name)?.trim()
    if (place === "path") path = path.replace(`{${name}}`, encodeURIComponent(value))
    if (value && place === "query") query.set(name, value)
    if (value && place === "header") headers[name] = value
  }
  if ((operation.security ?? spec.security ?? []).length) headers.Authorization = `Bearer ${people[at("who").value].token}`
  const body = values.get("body") || undefined
  if (body !== undefined) headers["Content-Type"] = "application/json"
  return {method: operation.verb.toUpperCase(), url: `${location.origin}${path}${query.size ? `?${query}` : ""}`, headers, body}
}

const curl = ({method, url, headers, body}) => ["curl", ...(method === "GET" || (method === "POST" && body) ? [] : [`-X ${method}`]),
  ...Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`), ...(body ? [`-d ${quoted(body)}`] : []), quoted(url)].join(" ")

async function send(operation, form, answer) {
  const {url, ...options} = request(operation, form), started = performance.now()
  try {
    const got = await fetch(url, options), text = await got.text()
    let shown = text
    try { shown = JSON.parse(text) } catch { /* shown as it is */ }
    const interesting = ["x-request-id", "x-error-code", "retry-after", "idempotency-replayed"].filter(name => got.headers.has(name))
    answer.replaceChildren(
      element("p", {}, element("span", {className: `badge ${got.ok ? "good" : "bad"}`, textContent: got.status}), ` ${t("took", Math.round(performance.now() - started))}`),
      ...(interesting.length ? [element("p", {className: "small soft", textContent: interesting.map(name => `${name}: ${got.headers.get(name)}`).join(" · ")})] : []),
      ...(text ? [json(shown)] : []))
  } catch {
    answer.replaceChildren(element("p", {className: "badge bad", textContent: t("unreachable")}))
  }
}

function tryOut(operation) {
  const media = resolve(operation.requestBody)?.content?.["application/json"]
  const answer = element("div", {className: "answer", role: "status"})
  const fields = operation.parameters.map(({name, required, in: place}) =>
    element("label", {className: "field"}, name, element("input", {name, required: Boolean(required), autocomplete: "off", value: name === "Idempotency-Key" ? (crypto.randomUUID?.() ?? String(Date.now())) : "", placeholder: place})))
  const form = element("form", {className: "try"}, element("h3", {textContent: t("try_it")}), fields,
    media ? element("label", {className: "field"}, t("body"), element("textarea", {name: "body", spellcheck: false, value: JSON.stringify(bodyOf(media), null, 2)})) : null,
    element("div", {className: "buttons"}, element("button", {className: "first", textContent: t("send")}),
      element("button", {type: "button", textContent: t("copy_curl"), onclick: async event => {
        const button = event.currentTarget
        await copy(curl(request(operation, form)))
        button.textContent = t("copied")
        setTimeout(() => { button.textContent = t("copy_curl") }, 2_000)
      }})), answer)
  form.onsubmit = event => { event.preventDefault(); send(operation, form, answer) }
  return element("div", {}, form)
}

function card(operation) {
  const details = element("details", {className: "operation", id: operation.operationId},
    element("summary", {}, verbMark(operation.verb), element("code", {textContent: operation.path}), element("span", {textContent: operation.summary})))
  details.ontoggle = () => { // drawn when first opened: the whole document is large
    if (details.open && details.children.length === 1) details.append(element("div", {className: "body"}, describe(operation), tryOut(operation)))
  }
  return details
}

function draw() {
  const all = operations(), groups = (spec.tags ?? []).map(tag => [tag, all.filter(({tags}) => tags?.[0] === tag.name)])
  at("title").textContent = t("title", spec.info.title, spec.info.version)
  at("lead").replaceChildren(...prose(spec.info.description))
  at("operations").replaceChildren(...groups.map(([{name, description}, rows]) =>
    element("section", {"aria-labelledby": `tag-${name}`}, element("h2", {id: `tag-${name}`, textContent: name.replaceAll("-", " ")}), element("p", {textContent: description ?? ""}), rows.map(card))))
  at("links").replaceChildren(...groups.flatMap(([{name}, rows]) => [element("h2", {textContent: name.replaceAll("-", " ")}),
    ...rows.map(({operationId, verb, path}) => element("a", {href: `#${operationId}`}, verbMark(verb), path.replace(/^\/api\/(payments\/|mobile\/)?/, "/")))]))
}

function find() {
  const words = at("find").value.toLowerCase().split(/\s+/).filter(Boolean)
  for (const details of document.querySelectorAll(".operation")) {
    const text = details.firstChild.textContent.toLowerCase()
    details.hidden = !words.every(word => text.includes(word))
    const link = document.querySelector(`#links a[href="#${details.id}"]`)
    if (link) link.hidden = details.hidden
  }
  for (const section of document.querySelectorAll("#operations section")) section.hidden = !section.querySelector(".operation:not([hidden])")
  at("nothing").hidden = Boolean(document.querySelector(".operation:not([hidden])"))
}

function open() {
  const details = document.getElementById(location.hash.slice(1))
  for (const link of document.querySelectorAll("#links a")) link.hash === location.hash ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current")
  if (details?.matches?.(".operation")) {
    details.open = true
    details.scrollIntoView()
  }
}

const [document_, ready] = await Promise.all(["/openapi.json", "/_pages/ready"].map(address => fetch(address).then(answer => answer.json())))
spec = document_
people = [...ready.customers, ...ready.staff]
at("who").replaceChildren(...people.map(({name, groups}, index) => new Option(groups ? `${name}, ${groups.join(" + ")}` : name, index)))
fill()
draw()
open()
at("find").oninput = find
languageButton(at("language"), () => { fill(); draw(); find(); open() })
addEventListener("hashchange", open)
