// Where the page is: `#/orders/o-1?x=1` is {path: ["orders", "o-1"], query}. Links are ordinary links.

import { signal } from "../vendor/ui.js";

function read() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { path: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
}

export const route = signal(read());
addEventListener("hashchange", () => (route.value = read()));

/** @param {...string} path */
export const to = (...path) => `#/${path.map(encodeURIComponent).join("/")}`;

/** @param {...string} path */
export function go(...path) {
  location.hash = to(...path);
}
