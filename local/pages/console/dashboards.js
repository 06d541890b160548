/* The three dashboards of observability.yaml, drawn from the metrics that the functions emitted on this machine. */
import {at, element} from "../dom.js"
import {words} from "../desk/parts.js"
import {count, hourAndMinute} from "../lang.js"
import {read} from "./machine.js"
import {t} from "./texts.js"

const MINUTE_MS = 60_000
const MINUTES = 30
const TONES = ["#5b4bd6", "#0f8a5f", "#c2571a", "#a3328f", "#1573b8", "#8a7410", "#c22f4a", "#4c7a1e"]
const [HEIGHT, LEFT, BOTTOM] = [120, 44, 18]
const COLUMNS = 24
const LOCAL = ["GarmentPay/", "AWS/ApiGateway/", "AWS/Lambda/Duration", "AWS/Lambda/Errors", "AWS/Lambda/Invocations"]
let boards = []
let board = "business"
let drawn = ""

/* --- numbers */

function statistic(values, stat) {
  if (!values.length) return null
  if (stat === "Sum") return values.reduce((sum, value) => sum + value, 0)
  if (stat === "Maximum") return Math.max(...values)
  if (stat === "Minimum") return Math.min(...values)
  if (stat === "SampleCount") return values.length
  if (/^p\d/.test(stat)) return [...values].sort((one, other) => one - other)[Math.min(values.length - 1, Math.ceil((Number(stat.slice(1)) / 100) * values.length) - 1)]
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The metrics of a widget that have points; a name that ends with a slash stands for all below it. */
const found = (metrics, points) => metrics.flatMap(metric => (metric.name.endsWith("/")
  ? Object.keys(points).filter(name => name.startsWith(metric.name)).map(name => ({...metric, name, label: name.slice(metric.name.length)}))
  : metric.name in points ? [metric] : [])).filter((metric, index, all) => all.findIndex(({name, stat}) => name === metric.name && stat === metric.stat) === index)

/** A value for each of the last MINUTES, null without points; what adds up is 0 instead. */
function perMinute(series, stat, now) {
  const first = Math.floor(now / MINUTE_MS) - MINUTES + 1, buckets = Array.from({length: MINUTES}, () => [])
  for (const [time, value] of series) buckets[Math.floor(time / MINUTE_MS) - first]?.push(value)
  return buckets.map(values => statistic(values, stat) ?? (stat === "Sum" ? 0 : null))
}

/* --- drawing */

function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  node.append(...children)
  return node
}

function chart(title, lines, now, width) {
  const top = Math.max(1, ...lines.flatMap(({values}) => values.filter(value => value !== null)))
  const x = index => LEFT + (index / (MINUTES - 1)) * (width - LEFT - 4), y = value => 8 + (1 - value / top) * (HEIGHT - BOTTOM - 8)
  const drawing = svg("svg", {class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": t("chart_of", title, lines.map(({label, last}) => `${label} ${last}`).join(", "))})
  for (const value of [0, top / 2, top]) {
    drawing.append(svg("path", {class: "grid", d: `M${LEFT} ${y(value)}H${width}`}))
    if (value !== top / 2) drawing.append(svg("text", {x: LEFT - 6, y: y(value) + 4, "text-anchor": "end"}, compact(value)))
  }
  for (const [index, anchor] of [[0, "start"], [MINUTES - 1, "end"]])
    drawing.append(svg("text", {x: x(index), y: HEIGHT - 3, "text-anchor": anchor}, hourAndMinute(now - (MINUTES - 1 - index) * MINUTE_MS)))
  for (const {values, tone} of lines) {
    let path = ""
    values.forEach((value, index) => { if (value !== null) path += `${path && values[index - 1] !== null ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}` })
    drawing.append(svg("path", {d: path, stroke: tone, "stroke-linejoin": "round", "stroke-linecap": "round"}))
    values.forEach((value, index) => { if (value && values[index - 1] === null && values[index + 1] === null) drawing.append(svg("circle", {cx: x(index), cy: y(value), r: 2.5, fill: tone, stroke: "none"})) })
  }
  return drawing
}

const compact = value => new Intl.NumberFormat("en", {notation: "compact", maximumFractionDigits: 1}).format(value)

function metricWidget({title, is_number, metrics}, points, width) {
  const now = Date.now(), there = found(metrics, points)
  if (is_number) {
    const values = there.map(({name, stat}) => statistic(points[name].map(([, value]) => value), stat)).filter(value => value !== null)
    const adds = metrics[0]?.stat === "Sum"
    return values.length || adds ? element("p", {className: "number", textContent: count(adds ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values))}) : element("p", {className: "soft", textContent: t("no_points")})
  }
  const lines = there.map(({name, label, stat}, index) => {
    const values = perMinute(points[name], stat, now)
    return {label: there.some(other => other.name === name && other.stat !== stat) ? stat : label, values, tone: TONES[index % TONES.length], last: count(statistic(points[name].map(([, value]) => value), stat))}
  })
  if (!lines.length) return element("p", {className: "soft", textContent: t(metrics.some(({name}) => LOCAL.some(start => name.startsWith(start))) ? "no_points" : "only_aws")})
  return [chart(title, lines, now, width), element("ul", {className: "keys"}, lines.map(({label, tone, last}) => {
    const key = element("i", {"aria-hidden": "true"})
    key.style.setProperty("--tone", tone)
    return element("li", {}, key, label, element("b", {textContent: last}))
  }))]
}

function widget(given, points) {
  if (given.type === "text") {
    const [, ...lines] = given.text.split("\n")
    return element("p", {className: "widget text lead", textContent: lines.join(" ").replaceAll("`", "")})
  }
  const inside = given.type === "metric" ? metricWidget(given, points, widthOf(given))
    : given.type === "alarm" ? element("details", {}, element("summary", {className: "soft", textContent: t("alarms", given.alarms.length)}), element("p", {className: "small soft", textContent: given.alarms.join(", ")}))
      : element("p", {className: "soft small", textContent: t("from_logs")})
  const node = element("section", {className: "widget"}, element("h3", {textContent: given.title}), inside)
  node.style.setProperty("--width", given.width ?? 12)
  return node
}

/** The width of a widget's drawing in pixels, by its share of the board. */
function widthOf({width}) {
  const columns = innerWidth > 1200 ? width : innerWidth > 640 ? COLUMNS / 2 : COLUMNS
  return Math.max(240, Math.round((at("board").clientWidth / COLUMNS) * columns) - 50)
}

/* --- the page */

function drawChoice() {
  at("boards").replaceChildren(...boards.map(({name}) => element("label", {}, element("input", {type: "radio", name: "board", value: name, checked: name === board, onchange: () => { board = name; drawn = ""; loadDashboards() }}), element("span", {textContent: t(`board_${name}`) ?? words(name)}))))
}

export async function loadDashboards() {
  if (!boards.length) boards = await read("dashboards")
  const {is_measured, points} = await read("metrics")
  const now = JSON.stringify([board, document.documentElement.lang, innerWidth, Math.floor(Date.now() / MINUTE_MS), Object.entries(points).map(([name, series]) => [name, series.length])])
  if (now === drawn) return
  drawn = now
  if (at("boards").children.length !== boards.length || at("boards").dataset.lang !== document.documentElement.lang) {
    at("boards").dataset.lang = document.documentElement.lang
    drawChoice()
  }
  at("measured").textContent = is_measured ? t("measured", MINUTES) : t("not_measured")
  at("board").replaceChildren(...boards.find(({name}) => name === board).widgets.map(given => widget(given, points)))
}
