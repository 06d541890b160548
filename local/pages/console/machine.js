/* Requests to what exists on this machine only: its service, its stand-in for Razorpay, and what happened behind. */
async function send(address, body) {
  const response = await fetch(address, body === undefined ? {} : {method: "POST", body: JSON.stringify(body), headers: {"Content-Type": "application/json"}})
  const result = await response.json()
  if (!response.ok) throw Error(result.detail ?? result.error?.description ?? Object.values(result).flat().join(" "))
  return result
}

export const read = what => send(`/_pages/${what}`)
export const service = (action, body = {}) => send(`/_local/${action}`, body)
export const gateway = (action, body = {}) => send(`/_pages/razorpay/${action}`, body)
