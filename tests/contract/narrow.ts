// Compiled, never run: the types that openapi-typescript makes tell variants apart.
import type { components, paths } from "./api";

type Schemas = components["schemas"];

export function charged(payment: Schemas["Payment"]): string {
  switch (payment.state) {
    case "approved":
    case "approved_offline": return "paid";
    case "reversed":
    case "refund_submitted": return "given back";
    case "declined": return `${payment.code}: ${payment.why}`;
    case "not_charged":
    case "unknown": return payment.why;
    case "created":
    case "sent":
    case "in_progress":
    case "reversing": return "wait";
  }
}

export function scanned(event: Schemas["Event"]): string | undefined {
  if (event.type !== "device") return undefined;
  return event.event === "scan" ? event.data : undefined;
}

export function priceOf(line: Schemas["Line"]): number | undefined {
  return line.basis === "catalog" ? line.price.minor : undefined;
}

type Refused = paths["/api/v1/baskets/{id}/complete"]["post"]["responses"][422]["content"]["application/problem+json"];

export function stillDue(problem: Refused): number | undefined {
  return problem.type === "/problems/still-due" ? problem.due : undefined;
}
