// Drawn for 24 by 24, in lines of the text's colour.

import { html } from "../vendor/ui.js";

const PATHS = {
  add: "M12 5v14M5 12h14",
  alarm: "M12 4 2.5 20h19L12 4Zm0 6v4m0 3v.01",
  back: "m15 5-7 7 7 7",
  basket: "M3 10h18l-2 10H5L3 10Zm4 0 4-6m6 6-4-6",
  camera: "M4 8h4l2-3h4l2 3h4v11H4V8Zm8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6",
  card: "M3 6h18v12H3V6Zm0 4h18M7 15h3",
  cash: "M2 7h20v10H2V7Zm10 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M5.5 12h.01m12.99 0h.01",
  chart: "M4 20V4m0 16h16M8 16v-4m4 4V8m4 8v-6",
  check: "m5 12.5 4.5 4.5L19 7",
  close: "m6 6 12 12M18 6 6 18",
  customers: "M9 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8m-7 8a7 7 0 0 1 14 0M16 4.500a4 4 0 0 1 0 7m2 2.500a7 7 0 0 1 4 6",
  delete: "M9 6h12v12H9l-6-6 6-6Zm3.5 4 4 4m0-4-4 4",
  device: "M5 4h14v10H5V4Zm2 16h10m-8-6-1 6m8-6 1 6",
  drawer: "M3 11h18v8H3v-8Zm2-6h14l2 6H3l2-6Zm5 10h4",
  filter: "M4 5h16l-6 8v6l-4-2v-4L4 5Z",
  home: "m4 11 8-7 8 7v9h-5v-6H9v6H4v-9Z",
  label: "M3 11V4h7l11 11-7 7L3 11Zm4-3v.01",
  lock: "M6 11h12v9H6v-9Zm3 0V8a3 3 0 0 1 6 0v3",
  menu: "M4 6h16M4 12h16M4 18h16",
  minus: "M5 12h14",
  note: "M5 4h14v16l-4-3H5V4Zm4 5h6m-6 4h4",
  offline: "M3 3l18 18M5 12a10 10 0 0 1 4-2.5m6 .2A10 10 0 0 1 19 12M8.5 15.5a5 5 0 0 1 5-1M12 19v.01",
  online: "M5 12a10 10 0 0 1 14 0M8.5 15.5a5 5 0 0 1 7 0M12 19v.01",
  order: "M5 7h14l-1 14H6L5 7Zm4 3V6a3 3 0 0 1 6 0v4",
  park: "M8 20V4h5a4.5 4.5 0 0 1 0 9H8",
  percent: "M6 18 18 6M8 9.5A1.5 1.5 0 1 0 8 6.5a1.5 1.5 0 0 0 0 3m8 8a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8m-8 8a8 8 0 0 1 16 0",
  printer: "M7 9V4h10v5M7 17H4V9h16v8h-3M7 14h10v6H7v-6Z",
  receipt: "M6 3v18l2-1.5 2 1.5 2-1.5 2 1.5 2-1.5 2 1.5V3l-2 1.5L14 3l-2 1.5L10 3 8 4.5 6 3Zm3 6h6m-6 4h6",
  refresh: "M20 5v5h-5M4 19v-5h5M5.5 9A7 7 0 0 1 18 7l2 3M4 14l2 3a7 7 0 0 0 12.5-2",
  return: "M9 14 4 9l5-5M4 9h10a5.500 5.500 0 0 1 0 11h-4",
  scale: "M12 4v16M6 20h12M5 7h14M5 7l-3 7h6L5 7Zm14 0-3 7h6l-3-7Z",
  scan: "M4 8V4h4m8 0h4v4M4 16v4h4m8 0h4v-4M8 8v8m4-8v8m4-8v8",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13m5-1.5L21 21",
  send: "M3 6h18v12H3V6Zm0 .500 9 7 9-7",
  settings:
    "M4 7h10m4 0h2M4 17h2m4 0h10M16 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5m-8 10a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5",
  star: "m12 4 2.5 5.200 5.5.8-4 4 1 5.700-5-2.700-5 2.700 1-5.700-4-4 5.5-.8L12 4Z",
  stock: "m3 8 9-5 9 5v9l-9 5-9-5V8Zm0 0 9 5 9-5m-9 5v9",
  store: "M4 10v10h16V10M3 10l2-6h14l2 6a3 3 0 0 1-6 0 3 3 0 0 1-6 0 3 3 0 0 1-6 0Zm7 10v-5h4v5",
  trash: "M4 7h16M9 7V4h6v3m3 0-1 13H7L6 7",
};

/** @param {{name: keyof typeof PATHS}} properties */
export const Icon = ({ name }) =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;

export const ICONS = Object.keys(PATHS);
