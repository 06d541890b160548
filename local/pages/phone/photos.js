/* Photos: a presigned upload straight to S3 with its progress, what became of it, and all photos. */
import {call, get, noteUpload} from "./api.js"
import {at, element, icon, ICONS, toast} from "./dom.js"
import {size, t, time} from "./texts.js"

const TYPES = {jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", webp: "image/webp", avif: "image/avif", heic: "image/heic"}
const wait = ms => new Promise(resolve => setTimeout(resolve, ms))
let cancel = () => {}
let last = null // the file to send again

function say(text, tone = "", percent = null) {
  at("upload").hidden = false
  at("upload-text").textContent = text
  at("upload-text").className = tone
  if (percent !== null) at("upload-bar").value = percent
}

function send(upload, file) {
  const finish = noteUpload(upload, file), started = performance.now()
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open(upload.method, upload.url)
    request.upload.onprogress = ({loaded, total}) => {
      const percent = Math.floor((100 * loaded) / total)
      say(t("uploading", percent, size(file.size)), "", percent)
    }
    const fail = text => { finish(request.status, performance.now() - started); reject(Error(text)) }
    request.onload = () => {
      if (request.status >= 300) return fail(t("upload_refused", request.status))
      finish(request.status, performance.now() - started)
      resolve()
    }
    request.onerror = () => fail(t("upload_lost"))
    request.onabort = () => fail(t("upload_cancelled"))
    cancel = () => request.abort()
    for (const [name, value] of Object.entries(upload.headers)) request.setRequestHeader(name, value)
    if (upload.method === "PUT") return request.send(file)
    const form = new FormData()
    for (const [name, value] of Object.entries(upload.fields)) form.append(name, value)
    form.append("file", file) // last, because S3 ignores fields after the file
    request.send(form)
  })
}

async function follow(id) {
  for (;;) {
    const photo = await get(`mobile/images/${id}/`)
    if (photo.poll_after_ms === null) return photo
    say(t("processing", photo.progress), "", photo.progress)
    await wait(photo.poll_after_ms)
  }
}

async function upload(file) {
  let unsent = null
  last = file
  at("compare").hidden = true
  at("upload-again").hidden = true
  at("upload-cancel").hidden = false
  say(t("preparing"), "", 0)
  try {
    const content_type = TYPES[file.name.split(".").pop().toLowerCase()] ?? (file.type || "application/octet-stream")
    const {body} = await call("POST", "mobile/upload-image/", {content_type, size_bytes: file.size})
    unsent = body.id
    await send(body.upload, file)
    unsent = null
    at("upload-cancel").hidden = true
    show(await follow(body.id), file)
  } catch (error) {
    say(error.message, "bad", 0)
    at("upload-again").hidden = false
    if (unsent) await call("DELETE", `mobile/images/${unsent}/`).catch(() => {})
  } finally {
    at("upload-cancel").hidden = true
    await loadPhotos().catch(error => toast(error.message, "bad"))
  }
}

function pictureOf(photo, name, alt) {
  const picture = element("picture"), image = element("img", {alt, loading: "lazy"})
  for (const variant of photo.variants.filter(variant => variant.name === name)) {
    if (variant.format === "jpeg") Object.assign(image, {src: variant.url, width: variant.width, height: variant.height})
    else picture.prepend(element("source", {type: `image/${variant.format}`, srcset: variant.url}))
  }
  picture.append(image)
  return picture
}

function show(photo, file) {
  if (photo.status !== "ready") {
    at("upload-again").hidden = !photo.reject?.retry
    return say(photo.reject?.text ?? t(`photo_${photo.status}`), "bad", 0)
  }
  const variants = photo.variants.filter(({name}) => name === "display")
  const smallest = Math.min(...variants.map(({bytes}) => bytes))
  const [{width, height}] = variants
  say(t("photo_ready", size(smallest), size(file.size)), "good", 100)
  const before = element("img", {alt: t("selected_photo"), src: URL.createObjectURL(file)})
  before.onerror = () => before.replaceWith(element("span", {textContent: file.name}))
  at("frame").style.aspectRatio = `${width} / ${height}`
  at("before").replaceChildren(before)
  at("after").replaceChildren(pictureOf(photo, "display", t("stored_photo")))
  at("compare-facts").textContent = t("compare_facts", `${photo.original.width} × ${photo.original.height}, ${size(file.size)}`, `${width} × ${height}, ${variants.map(({format, bytes}) => `${format.toUpperCase()} ${size(bytes)}`).join(", ")}`)
  at("compare").hidden = false
  at("slider").oninput()
}

export async function loadPhotos() {
  const {results} = await get("mobile/images/")
  at("photo-list").replaceChildren(...(results.length ? results.map(row) : [element("li", {className: "empty", textContent: t("no_photos")})]))
}

function row(photo) {
  const when = time(photo.created_at), frame = element("div", {className: "thumb"})
  frame.style.backgroundColor = photo.dominant_colour ?? ""
  frame.append(photo.status === "ready" ? pictureOf(photo, "thumb", t("photo_of", when)) : element("span", {textContent: photo.reject?.text ?? t(`photo_${photo.status}`)}))
  return element("li", {}, frame, element("div", {className: "line"}, element("small", {className: "soft", textContent: when}),
    element("button", {type: "button", className: "icon danger", "aria-label": t("delete_of", t("photo_of", when)), onclick: async () => {
      try { await call("DELETE", `mobile/images/${photo.id}/`); await loadPhotos() } catch (error) { toast(error.message, "bad") }
    }}, icon(ICONS.trash))))
}

export function clearUpload() {
  for (const id of ["upload", "compare"]) at(id).hidden = true
}

export function startPhotos() {
  at("file").onchange = () => { if (at("file").files[0]) upload(at("file").files[0]); at("file").value = "" }
  at("upload-cancel").onclick = () => cancel()
  at("upload-again").onclick = () => upload(last)
  at("slider").oninput = () => at("frame").style.setProperty("--cut", `${at("slider").value}%`)
}
