// Razorpay's own SDK for Node drives the stand-in for Razorpay. Nobody here wrote the SDK, so it expects what
// Razorpay answers. `RAZORPAY_URL`, `RAZORPAY_KEY_ID` and `RAZORPAY_KEY_SECRET` say where the stand-in is.
import assert from "node:assert/strict";
import test from "node:test";
import Razorpay from "razorpay";
import { validatePaymentVerification } from "razorpay/dist/utils/razorpay-utils.js";

const { RAZORPAY_URL: url, RAZORPAY_KEY_ID: key_id, RAZORPAY_KEY_SECRET: key_secret } = process.env;

function connect(secret = key_secret) {
  const client = new Razorpay({ key_id, key_secret: secret });
  client.api.rq.defaults.baseURL = url;
  return client;
}

async function control(action, body) {
  const response = await fetch(`${url}/_control/${action}`, { method: "POST", body: JSON.stringify(body) });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
}

const razorpay = connect();
const refused = (statusCode, description) => (thrown) =>
  thrown.statusCode === statusCode && description.test(thrown.error.description);

let orders = 0;

function order(fields = {}) {
  orders += 1;
  return razorpay.orders.create({ amount: 50000, currency: "INR", receipt: `receipt-${orders}-end`, ...fields });
}

async function payment(choice = {}) {
  const { id } = await order();
  return (await control("pay", { order_id: id, ...choice })).razorpay_payment_id;
}

test("a wrong secret is refused", async () => {
  await assert.rejects(connect("wrong").orders.all(), refused(401, /Authentication failed/));
});

test("an order is created, fetched and found by its receipt", async () => {
  const created = await order({ notes: { purpose: "top_up" } });
  assert.match(created.id, /^order_\w{14}$/);
  assert.deepEqual(await razorpay.orders.fetch(created.id), created);
  assert.deepEqual(created.notes, { purpose: "top_up" });
  const found = await razorpay.orders.all({ receipt: created.receipt });
  assert.deepEqual(found.items, [created]);
  await assert.rejects(order({ amount: 99 }), refused(400, /at least INR 1.00/));
  await assert.rejects(razorpay.orders.fetch("order_00000000000000"), refused(400, /does not exist/));
});

test("an authorized payment is captured once, for its own amount", async () => {
  const { id } = await order();
  const fields = await control("pay", { order_id: id, outcome: "authorize" });
  const paid = { order_id: id, payment_id: fields.razorpay_payment_id };
  assert.ok(validatePaymentVerification(paid, fields.razorpay_signature, key_secret));
  assert.ok(!validatePaymentVerification(paid, fields.razorpay_signature, "another secret"));
  await assert.rejects(razorpay.payments.capture(paid.payment_id, 49999, "INR"), refused(400, /must be equal/));
  const captured = await razorpay.payments.capture(paid.payment_id, 50000, "INR");
  assert.deepEqual([captured.status, captured.captured, captured.fee], ["captured", true, 1180]);
  await assert.rejects(razorpay.payments.capture(paid.payment_id, 50000, "INR"), refused(400, /already been captured/));
  assert.deepEqual((await razorpay.orders.fetchPayments(id)).items, [captured]);
  assert.equal((await razorpay.orders.fetch(id)).status, "paid");
});

test("an offer pays an order with less, and a payment lists it", async () => {
  const paymentId = await payment({ offer_paise: 5000 });
  const paid = await razorpay.payments.fetch(paymentId, { "expand[]": "offers" });
  assert.deepEqual([paid.amount, paid.offers.count], [45000, 1]);
  const { status, amount_paid } = await razorpay.orders.fetch(paid.order_id);
  assert.deepEqual([status, amount_paid], ["paid", 45000]);
});

test("refunds keep notes and receipt, and stop at the amount", async () => {
  const paymentId = await payment();
  const sent = { amount: 20000, receipt: "refund-1", notes: { refund: "id-1", asked_by: "customer" } };
  const refund = await razorpay.payments.refund(paymentId, sent);
  assert.deepEqual([refund.status, refund.receipt, refund.notes], ["processed", sent.receipt, sent.notes]);
  assert.deepEqual(await razorpay.refunds.fetch(refund.id), refund);
  assert.deepEqual(await razorpay.refunds.fetch(refund.id, { payment_id: paymentId }), refund);
  assert.deepEqual(await razorpay.payments.fetchRefund(paymentId, refund.id), refund);
  await assert.rejects(razorpay.payments.refund(paymentId, { amount: 30001 }), refused(400, /greater than amount/));
  const rest = await razorpay.payments.refund(paymentId);
  assert.equal(rest.amount, 30000);
  assert.deepEqual((await razorpay.payments.fetchMultipleRefund(paymentId)).items, [rest, refund]);
  assert.deepEqual((await razorpay.refunds.all({ payment_id: paymentId, count: 1, skip: 1 })).items, [refund]);
  assert.equal((await razorpay.payments.fetch(paymentId)).status, "refunded");
  await assert.rejects(razorpay.payments.refund(paymentId), refused(400, /fully refunded already/));
});

test("notes of a refund arrive from a form, as older clients send them", async () => {
  const paymentId = await payment();
  const form = new URLSearchParams({ amount: "20000", "notes[refund]": "id-2", "notes[asked_by]": "staff & co" });
  const { data } = await razorpay.api.rq.post(`/v1/payments/${paymentId}/refund`, form);
  assert.deepEqual(data.notes, { refund: "id-2", asked_by: "staff & co" });
  assert.deepEqual(await razorpay.refunds.fetch(data.id), data);
});

test("a refund that fails makes its payment refundable again", async () => {
  const paymentId = await payment();
  await control("refund_status", { status: "pending" });
  const refund = await razorpay.payments.refund(paymentId, { speed: "optimum" });
  await control("refund_status", { status: "processed" });
  assert.equal(refund.status, "pending");
  assert.equal((await razorpay.payments.fetch(paymentId)).refund_status, "full");
  await control("refund_status", { refund_id: refund.id, status: "failed" });
  assert.equal((await razorpay.payments.fetch(paymentId)).refund_status, null);
  assert.equal((await razorpay.payments.refund(paymentId)).status, "processed");
});

test("an account that is too poor refunds nothing", async () => {
  const paymentId = await payment();
  await control("balance", { paise: 0 });
  await assert.rejects(razorpay.payments.refund(paymentId), refused(400, /does not have enough balance/));
  await control("balance", { paise: null });
  assert.equal((await razorpay.payments.fetch(paymentId)).amount_refunded, 0);
});

test("payments, refunds and disputes are listed newest first, in pages and windows", async () => {
  const payments = [await payment(), await payment(), await payment()].reverse();
  const refunds = [];
  const disputes = [];
  for (const paymentId of payments) {
    refunds.unshift((await razorpay.payments.refund(paymentId, { amount: 100 })).id);
    disputes.unshift((await control("dispute", { payment_id: paymentId })).id);
  }
  const lists = [[razorpay.payments, payments], [razorpay.refunds, refunds], [razorpay.disputes, disputes]];
  for (const [resource, ids] of lists) {
    const list = async (query) => (await resource.all(query)).items.map((item) => item.id);
    assert.deepEqual(await list({ count: 3 }), ids);
    assert.deepEqual(await list({ count: 1, skip: 1 }), [ids[1]]);
    if (resource === razorpay.disputes) continue; // the SDK leaves out `from` and `to` here
    const now = Math.floor(Date.now() / 1000);
    assert.deepEqual(await list({ from: now - 600, to: now + 600, count: 3 }), ids);
    assert.deepEqual(await list({ from: now + 600, to: now + 1200 }), []);
    assert.deepEqual(await list({ from: 1, to: now - 600 }), []);
  }
  const dispute = await razorpay.disputes.fetch(disputes[0]);
  assert.deepEqual([dispute.payment_id, dispute.status, dispute.phase], [payments[2], "open", "chargeback"]);
  await assert.rejects(razorpay.payments.all({ count: 101 }), refused(400, /count/));
});

test("a customer is created once, and changes", async () => {
  const person = { name: "Asha", email: "asha@example.com", contact: "+919000090001" };
  const created = await razorpay.customers.create(person);
  assert.match(created.id, /^cust_\w{14}$/);
  await assert.rejects(razorpay.customers.create(person), refused(400, /already exists/));
  assert.deepEqual(await razorpay.customers.create({ ...person, fail_existing: "0" }), created);
  await razorpay.customers.edit(created.id, { name: "Asha R" });
  assert.equal((await razorpay.customers.fetch(created.id)).name, "Asha R");
  assert.deepEqual((await razorpay.customers.all({ count: 1 })).items.map((item) => item.id), [created.id]);
});

test("a saved card is a token until it is deleted", async () => {
  const { id } = await razorpay.customers.create({ name: "Bilal", contact: "+919000090002" });
  assert.equal((await razorpay.customers.fetchTokens(id)).count, 0);
  const paymentId = await payment({ method: "card", customer_id: id, save: true });
  const { token_id } = await razorpay.payments.fetch(paymentId);
  const tokens = await razorpay.customers.fetchTokens(id);
  assert.deepEqual(tokens.items.map((token) => token.id), [token_id]);
  assert.deepEqual(await razorpay.customers.fetchToken(id, token_id), tokens.items[0]);
  assert.deepEqual(await razorpay.customers.deleteToken(id, token_id), { deleted: true });
  assert.equal((await razorpay.customers.fetchTokens(id)).count, 0);
});
