"use strict";
// The status page of a hub. The hub sends the whole status over the WebSocket whenever it changes. Texts are only ever
// inserted as text, never as HTML.

const at = (id) => document.getElementById(id);

function text(id, value) {
  const node = at(id);
  if (node.textContent !== value) node.textContent = value;
}

function make(tag, className, value) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (value !== undefined) node.textContent = value;
  return node;
}

function money(minor, status) {
  return new Intl.NumberFormat(undefined, { style: "currency", currency: status.currency }).format(minor / 10 ** status.currency_exponent);
}

function show(status) {
  document.title = `${status.store} – store hub`;
  text("store", status.store);
  const certificate = (status.certificates ?? []).find((one) => one.field === "listen.certificate");
  const valid = certificate ? ` · certificate valid for ${certificate.days_left} days` : "";
  text("line", `hub ${status.hub} · ${status.items.toLocaleString()} items · ${status.today.business_day}${valid}`);
  const fault = (status.faults ?? []).length > 0 ? `Needs attention: ${status.faults[0]}` : "";
  const [doubt] = status.payments_in_doubt ?? [];
  const unpaid = doubt ? `Payment ${doubt.payment} of ${money(doubt.amount, status)} is in doubt: ${doubt.why}. ${doubt.what_to_do}` : "";
  const clock = status.clock.fault ? `Clock fault: ${status.clock.fault}` : "";
  const alarm = status.stopped ? `The store has stopped: ${status.stopped}` : fault || unpaid || roomAlarm(status.keeping) || clock;
  at("stopped").hidden = !alarm;
  text("stopped", alarm);

  const today = status.today;
  text("sales", today.sales.toLocaleString());
  text("lines", `${today.lines.toLocaleString()} lines`);
  text("net", money(today.net, status));
  text("saved", `${money(today.discount, status)} in discounts`);
  at("tenders").replaceChildren(
    ...[["Card", today.card], ["Cash", today.cash], ["Coupons", today.manufacturer_coupon]].flatMap(([name, minor]) => [
      make("dt", "", name),
      make("dd", "", money(minor, status)),
    ]),
  );
  showHeadquarters(status.headquarters);
  at("devices").replaceChildren(...status.devices.map(device));
  at("registers").replaceChildren(...status.registers.map((register) => registerRow(register, status)));
  at("receipts").replaceChildren(...status.receipts.map((receipt) => make("pre", "paper", receipt.lines.join("\n"))));
}

function megabytes(bytes) {
  return `${Math.round(bytes / 1e6).toLocaleString()} MB`;
}

function roomAlarm(keeping) {
  const left = `The disk has ${megabytes(keeping.free_bytes)} free`;
  return {
    ample: "",
    low: `${left}: no health samples are stored.`,
    scarce: `${left}: only sales are accepted. Free up space.`,
    full: `${left}: not even sales are accepted. Free up space now.`,
  }[keeping.room];
}

function showHeadquarters(hq) {
  at("hq").hidden = !hq;
  if (!hq) return;
  const all = hq.has + hq.lacks;
  at("hq").classList.toggle("late", hq.lacks > 0);
  at("hq").classList.toggle("off", !hq.connected);
  text("lacks", hq.lacks > 0 ? `${hq.lacks.toLocaleString()} pending` : hq.connected ? "up to date" : "offline");
  at("has").style.width = all ? `${(100 * hq.has) / all}%` : "100%";
  text("trouble", hq.connected ? `${hq.has.toLocaleString()} of ${all.toLocaleString()} events received` : `Offline; sales continue. ${hq.trouble ?? ""}`);
}

function row(state, name, value, small) {
  const node = make("li");
  const dot = make("span", `dot ${state}`);
  dot.title = state;
  node.append(dot, make("span", "", name), make("span", "value", value));
  if (small) node.append(make("small", "", small));
  return node;
}

function device(device) {
  const state = device.health.state;
  return row(state, device.device, state === "ready" ? (device.last ?? "ready") : state, device.health.why ?? device.address);
}

function registerRow(register, status) {
  const state = register.paired ? "ready" : "connecting";
  return row(state, register.register, money(register.net, status), register.paired ? `${register.sales.toLocaleString()} sales today` : "not paired yet");
}

let pause = 250;

function listen() {
  const socket = new WebSocket(`wss://${location.host}/api/v1/events`);
  socket.onmessage = (message) => {
    pause = 250;
    const event = JSON.parse(message.data);
    if (event.type === "status") show(event);
  };
  socket.onclose = () => {
    text("line", "The hub does not answer; retrying …");
    setTimeout(start, pause);
    pause = Math.min(pause * 2, 5000);
  };
}

async function start() {
  let answer;
  try {
    answer = await fetch("/api/v1/status");
  } catch {
    text("line", "The hub does not answer; retrying …");
    setTimeout(start, pause);
    pause = Math.min(pause * 2, 5000);
    return;
  }
  const inside = answer.ok;
  at("login").hidden = inside;
  at("page").hidden = !inside;
  if (!inside) return at("code").focus();
  show(await answer.json());
  listen();
  updateWan();
}

// Only a demo has a connection that can be cut from here.
async function updateWan() {
  const answer = await fetch("/demo/wan").catch(() => undefined);
  if (!answer?.ok) return;
  const { up } = await answer.json();
  at("wan").hidden = false;
  text("wan", up ? "Cut the connection to HQ" : "Restore the connection to HQ");
  setTimeout(updateWan, 1000);
}

at("wan").addEventListener("click", async () => {
  await fetch("/demo/wan", { method: "POST" });
  setTimeout(updateWan, 100);
});

at("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  text("refused", "");
  const answer = await fetch("/api/v1/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code: at("code").value.trim() }),
  });
  if (answer.ok) return start();
  const problem = await answer.json().catch(() => ({}));
  text("refused", problem.detail ?? "Could not log in.");
});

start();
