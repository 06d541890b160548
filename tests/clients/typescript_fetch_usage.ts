// Five operations through the client that openapi-generator makes of openapi.json.
import { Configuration, ImagesApi, PaymentMethodsApi, PaymentsApi, WalletsApi } from "./fetch";
import type { Payment, PaymentMethod } from "./fetch";

const configuration = new Configuration({ basePath: "http://127.0.0.1:8787", accessToken: "token" });

export async function openCheckout(wallet: string, amount: string, key: string): Promise<string | null> {
  const started = await new WalletsApi(configuration).addWalletBalance({
    id: wallet,
    idempotencyKey: key,
    addWalletBalanceInput: { amount },
  });
  return started.checkout ? started.checkout.orderId : null;
}

export async function listCaptured(): Promise<Payment[]> {
  const page = await new PaymentsApi(configuration).listPayments({ page: "1" });
  return page.results.filter((payment) => payment.status === "captured" && payment.failure === null);
}

export async function saveUpi(upiId: string): Promise<PaymentMethod> {
  return new PaymentMethodsApi(configuration).createPaymentMethod({
    createPaymentMethodInput: { type: "upi", upiId },
  });
}

export async function pollAfterMs(id: string): Promise<number | null> {
  const image = await new ImagesApi(configuration).retrieveImage({ id });
  return image.status === "processing" ? image.pollAfterMs : null;
}

export async function remove(id: string): Promise<void> {
  await new PaymentMethodsApi(configuration).deletePaymentMethod({ id });
}

// What the types refuse.
export async function mistakes(): Promise<void> {
  const api = new PaymentsApi(configuration);
  // @ts-expect-error: amounts are texts
  await api.createPayment({ createPaymentInput: { amount: 250, source: "wallet" } });
  // @ts-expect-error: the source is one of two
  await api.createPayment({ createPaymentInput: { amount: "250.00", source: "cash" } });
  const payment = await api.retrievePayment({ id: "" });
  // @ts-expect-error: there may be nothing to pay
  console.log(payment.checkout.orderId);
}
