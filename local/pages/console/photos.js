/* Everybody's photos: their states, and the upload beside what is stored. */
import {at, badge, element} from "../dom.js"
import {WIDE_PX, code, empty, facts, part, table, toneOf, words} from "../desk/parts.js"
import {size, time} from "../lang.js"
import {read} from "./machine.js"
import {t} from "./texts.js"

const SHOWN = ["display.jpeg", "display.avif"] // the first that is there
let chosen = null
let drawn = ""

const status = ({status: state}) => badge(t(`photo_${state}`), toneOf(state))
const when = ({created_at_us}) => time(created_at_us / 1000)

export async function loadPhotos() {
  const photos = await read("photos")
  const now = JSON.stringify([photos.map(({id, updated_at_us}) => [id, updated_at_us]), document.documentElement.lang])
  if (now === drawn) return
  drawn = now
  at("photo-list").replaceChildren(photos.length ? element("ul", {className: "list"}, photos.map(row)) : empty(t("no_photos")))
  const again = photos.find(({id}) => id === chosen)
  if (again) show(again)
  else if (photos.length && innerWidth >= WIDE_PX) at("photo-list").querySelector("button").click()
  else at("photo").replaceChildren(empty(t("choose_photo")))
}

function row(photo) {
  return element("li", {}, element("button", {type: "button", "aria-current": photo.id === chosen ? "true" : null, onclick: event => {
    for (const other of at("photo-list").querySelectorAll("[aria-current]")) other.removeAttribute("aria-current")
    event.currentTarget.setAttribute("aria-current", "true")
    show(photo)
    if (innerWidth < WIDE_PX) at("photo").scrollIntoView({block: "start"})
  }}, element("b", {textContent: t("photo_of", photo.id.slice(0, 8))}), status(photo),
  element("small", {textContent: [photo.format, photo.upload_size_bytes && size(photo.upload_size_bytes)].filter(Boolean).join(", ")}), element("small", {className: "numbers", textContent: when(photo)})))
}

function compare(photo) {
  const before = photo.before[0], after = SHOWN.map(name => photo.after.find(({name: other}) => other === name)).find(Boolean)
  if (!after) return null
  const note = element("p", {className: "small soft"})
  const upload = before ? element("img", {src: before.url, alt: t("before"), onerror: () => { note.textContent = t("no_preview") }}) : null
  if (!before) note.textContent = t("gone")
  const frame = element("div", {className: "compare"}, element("img", {src: after.url, alt: t("after")}), element("div", {className: "before"}, upload),
    element("span", {className: "tag left", textContent: t("before")}), element("span", {className: "tag right", textContent: t("after")}), element("i", {"aria-hidden": "true"}))
  const slider = element("input", {type: "range", min: 0, max: 100, value: 50, "aria-label": t("compare_slider")})
  slider.oninput = () => frame.style.setProperty("--cut", `${slider.value}%`)
  frame.append(slider)
  return [frame, note]
}

function show(photo) {
  chosen = photo.id
  const {id, stage, format, width, height, rejection, upload_size_bytes: bytes, after, created_at_us, updated_at_us} = photo
  at("photo").replaceChildren(...[
    element("div", {className: "line"}, element("h2", {textContent: t("photo_of", photo.id.slice(0, 8))}), status(photo)),
    compare(photo),
    facts([[t("rejection"), rejection && words(rejection)], [t("stage"), stage && words(stage)], [t("format"), format], [t("dimensions"), width && `${width} × ${height}`], [t("uploaded"), bytes && size(bytes)],
      [t("time_taken"), `${((updated_at_us - created_at_us) / 1e6).toFixed(1)} s`], ["Id", code(id)]]),
    after.length ? part(t("stored_files"), table(t("stored_files"), [t("file"), `${t("bytes")}#`, `${t("saved")}#`], after.map(({name, bytes: stored}) => [name, size(stored), bytes ? `${Math.round((stored / bytes) * 100)} %` : ""]))) : null,
  ].flat(Infinity).filter(Boolean))
}
