// Amounts as cashiers type them: digits in minor units, never a text that depends on the language.

/** @param {string} digits */
export const minor = (digits) => Number(digits.replace(/\D/g, "") || 0);

/**
 * Amounts that a customer probably gives: the exact one, and the next round ones.
 * @param {number} due in minor units @param {number} exponent of the currency
 */
export function likelyCash(due, exponent) {
  const unit = 10 ** exponent;
  const steps = [1, 5, 10, 20, 50, 100, 200].map((step) => step * unit);
  const above = steps.map((step) => Math.ceil(due / step) * step).filter((amount) => amount > due);
  return [due, ...[...new Set(above)].sort((a, b) => a - b).slice(0, 4)];
}
