/* Requests to the staff's API of a stack. Its address and the token stay in memory. */
import {t} from "./texts.js"

let base = ""
let token = ""

export class ApiError extends Error {
  /** `status` is 0 without a response; `fields` maps field names to texts. */
  constructor(status, body) {
    const fields = body && !body.detail ? body : null
    super(body?.detail ?? Object.entries(fields ?? {}).map(([name, text]) => `${name}: ${[text].flat().join(" ")}`).join(" "))
    Object.assign(this, {status, fields})
  }
}

/** Work with the API at this address as whoever the token is of. */
export function connect(address, bearer) {
  base = address.replace(/\/+$/, "").replace(/\/api$/, "")
  token = bearer.trim()
}

/** What a token says of its bearer, for the page to show: the API judges the token. */
export function bearer() {
  try {
    const claims = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")))
    return {id: claims.sub, groups: [claims.groups ?? claims["cognito:groups"] ?? []].flat().flatMap(name => name.split(" "))}
  } catch {
    return {id: "", groups: []}
  }
}

/** GET without a body, else POST; `key` is an Idempotency-Key. */
export async function api(path, body, key) {
  const headers = {Authorization: `Bearer ${token}`}
  if (body !== undefined) headers["Content-Type"] = "application/json"
  if (key) headers["Idempotency-Key"] = key
  let response, result
  try {
    response = await fetch(`${base}/api/staff/${path}`, body === undefined ? {headers} : {method: "POST", headers, body: JSON.stringify(body)})
    result = await response.json()
  } catch {
    throw new ApiError(0, {detail: t("unreachable", base)})
  }
  if (!response.ok) throw new ApiError(response.status, result)
  return result
}
