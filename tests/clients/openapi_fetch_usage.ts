// Five operations through openapi-fetch, with the types that openapi-typescript makes of openapi.json.
import createClient from "openapi-fetch";
import type { components, paths } from "./types";

type Payment = components["schemas"]["PaymentWithWallet"];

const client = createClient<paths>({
  baseUrl: "http://127.0.0.1:8787",
  headers: { Authorization: "Bearer token" },
});

export async function topUp(wallet: string, amount: string, key: string): Promise<Payment["checkout"]> {
  const { data, error, response } = await client.POST("/api/payments/wallets/{id}/add_balance", {
    params: { path: { id: wallet }, header: { "Idempotency-Key": key } },
    body: { amount },
  });
  if (error) {
    throw new Error(response.headers.get("X-Error-Code") ?? "");
  }
  return data.checkout; // null for a dry run
}

export async function payFromWallet(amount: string, key: string): Promise<string> {
  const { data, error } = await client.POST("/api/payments/payments", {
    params: { header: { "Idempotency-Key": key } },
    body: { amount, source: "wallet" },
  });
  if (error) {
    return "detail" in error && typeof error.detail === "string" ? error.detail : Object.keys(error).join();
  }
  return data.wallet?.balance ?? data.status;
}

export async function verify(payment: string, attempt: string, signature: string): Promise<boolean> {
  const { data } = await client.POST("/api/payments/payments/{id}/verify", {
    params: { path: { id: payment } },
    body: { razorpay_payment_id: attempt, razorpay_signature: signature },
  });
  return data?.status === "captured";
}

export async function listTopUps(): Promise<string[]> {
  const { data } = await client.GET("/api/payments/wallets/transactions", {
    params: { query: { category: "top_up", page: "last" } },
  });
  return data?.results.map((entry) => `${entry.created_at} ${entry.amount}`) ?? [];
}

export async function upload(photo: Blob): Promise<string> {
  const { data } = await client.POST("/api/mobile/upload-image", {
    params: { query: { method: "put" } },
    body: { content_type: "image/jpeg", size_bytes: photo.size },
  });
  if (!data?.upload) {
    throw new Error("no upload");
  }
  await fetch(data.upload.url, { method: data.upload.method, headers: data.upload.headers, body: photo });
  return data.id;
}

// What the types refuse.
export async function mistakes(): Promise<void> {
  // @ts-expect-error: amounts are texts
  await client.POST("/api/payments/payments", { body: { amount: 250, source: "wallet" } });
  // @ts-expect-error: the source is one of two
  await client.POST("/api/payments/payments", { body: { amount: "250.00", source: "cash" } });
  // @ts-expect-error: the amount is required
  await client.POST("/api/payments/payments", { body: { source: "wallet" } });
  // @ts-expect-error: no such path
  await client.GET("/api/payments/ledger");
  const { data } = await client.GET("/api/payments/payments/{id}", { params: { path: { id: "" } } });
  // @ts-expect-error: no such status
  console.log(data?.status === "settled");
  // @ts-expect-error: there may be nothing to pay
  console.log(data?.checkout.order_id);
}
