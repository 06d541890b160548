// Runs the client that openapi-generator makes of openapi.json against a service: API, TOKEN and WALLET say which.
import { Configuration, PaymentsApi, ResponseError, WalletsApi } from "./fetch";

declare const process: { env: Record<string, string> };

function check(isTrue: boolean, what: unknown): void {
  if (!isTrue) throw new Error(JSON.stringify(what));
}

const { API, TOKEN, WALLET } = process.env as { API: string; TOKEN: string; WALLET: string };
const configuration = new Configuration({ basePath: API, accessToken: TOKEN });
const wallets = new WalletsApi(configuration);
const topUp = { id: WALLET, idempotencyKey: "typescript-1", addWalletBalanceInput: { amount: "500.00" } };

async function main(): Promise<void> {
  const created = await wallets.addWalletBalance(topUp);
  check(created.status === "created" && created.checkout?.orderId === created.gatewayOrderId, created);
  const again = await wallets.addWalletBalance(topUp);
  check(again.id === created.id, again);
  const dryRun = await wallets.addWalletBalance({ ...topUp, idempotencyKey: undefined, dryRun: true });
  check(dryRun.id === null && dryRun.amount === "500.00" && dryRun.checkout === null, dryRun);
  const limits = await new PaymentsApi(configuration).listPaymentLimits();
  check(limits.rules.length === 4, limits);
  try {
    await new PaymentsApi(configuration).createPayment({
      idempotencyKey: "typescript-2",
      createPaymentInput: { amount: "900.00", source: "wallet" },
    });
    check(false, "the wallet is empty");
  } catch (error) {
    check(error instanceof ResponseError, String(error));
    const { response } = error as ResponseError;
    check(response.headers.get("X-Error-Code") === "insufficient_funds", response.status);
  }
  console.log("the TypeScript client created a payment");
}

void main();
