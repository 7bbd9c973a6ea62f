// Looking customers up, as the register and the console do it.

/** What a text looks for: an address, a number, or a name. @param {string} text */
export function lookups(text) {
  if (text.includes("@")) return [{ email: text }];
  if (/^[\d\s()+./-]+$/.test(text)) return [{ phone: text }, { card: text }];
  return /\d/.test(text) ? [{ card: text }, { name: text }] : [{ name: text }];
}

/**
 * The answer to the first look-up that finds somebody, else to the last one.
 * @param {import("./api.js").Api} api @param {Record<string, string>[]} wanted
 */
export async function search(api, wanted) {
  let answer;
  for (const lookup of wanted) {
    answer = await api.post("/customers/search", lookup);
    if (answer.customers.length) break;
  }
  return answer;
}

/** How a customer can be reached. */
export const ways = ({ phones = [], emails = [], cards = [] }) => [...phones, ...emails, ...cards].join(" · ");
