// A demo with simulated devices, and a browser that looks at it. What all tests of pages share.

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import https from "node:https";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { film } from "./camera.mjs";

/** Tools that tests/run installs. */
const tools = createRequire(join(process.env.TOOLS ?? "target/contract", "package.json"));
const { chromium } = tools("playwright-core");
export const axe = readFileSync(tools.resolve("axe-core/axe.min.js"), "utf8");

const PROGRAM = process.env.STORE_HUB ?? "target/release/store-hub";
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const PATIENCE = 120_000;
/** What the camera sees: cereal. */
const SEEN = "0400008189811";

export class Stage {
  /** Starts the demo, and waits until its store is open. @param {string[]} [more] arguments */
  static async build(more = []) {
    const stage = new Stage();
    stage.directory = mkdtempSync(join(tmpdir(), "store-hub-pages-"));
    // The demo's socket is in the directory for temporary files: each stage has its own.
    stage.environment = { ...process.env, TMPDIR: stage.directory };
    const data = join(stage.directory, "store");
    stage.demo = spawn(PROGRAM, ["demo", "--data", data, ...more], {
      env: stage.environment,
      stdio: ["pipe", "pipe", "inherit"],
    });
    let said = "";
    stage.demo.stdout.setEncoding("utf8");
    const welcome = new Promise((done, fail) => {
      stage.demo.stdout.on("data", (text) => {
        said += text;
        const [, url] = said.match(/open\s+(https:\S+)\//) ?? [];
        const [, code] = said.match(/with code (\S+)/) ?? [];
        const [, hq] = said.match(/HQ's API\s+(https:\S+)\/docs/) ?? [];
        const [, hqKey] = said.match(/HQ's key\s+(\S+)/) ?? [];
        if (url && code && hq && hqKey) done({ url, code, hq, hqKey });
      });
      stage.demo.on("exit", () => fail(new Error(`the demo ended: ${said}`)));
      setTimeout(() => fail(new Error(`the demo did not start: ${said}`)), PATIENCE).unref();
    });
    Object.assign(stage, await welcome);
    stage.ca = readFileSync(join(data, "identity/ca.pem"));
    const { headers } = await stage.ask("POST", "/session", { code: stage.code });
    stage.cookie = headers["set-cookie"][0].split(";")[0];
    const seen = join(stage.directory, "camera.y4m");
    film(seen, SEEN);
    stage.browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        // The store signs its own certificate; a service worker wants one that the browser accepts.
        ...["--ignore-certificate-errors", "--no-sandbox", "--disable-dev-shm-usage"],
        ...["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        `--use-file-for-fake-video-capture=${seen}`,
      ],
    });
    return stage;
  }

  /** A request to HQ's API, such as of a web shop. */
  async askHeadquarters(method, path, body) {
    return (await this.ask(method, path, body, { token: this.hqKey, at: this.hq })).body;
  }

  /** A request of a person at the console, or with a token. */
  async ask(method, path, body, { token, accept = [200, 201, 204], at = this.url } = {}) {
    const headers = { "content-type": "application/json", "idempotency-key": randomUUID() };
    if (token) headers.authorization = `Bearer ${token}`;
    else if (this.cookie) headers.cookie = this.cookie;
    const {
      status,
      text,
      headers: got,
    } = await new Promise((done, fail) => {
      const request = https.request(`${at}/api/v1${path}`, { method, headers, ca: this.ca }, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (part) => (text += part));
        answer.on("end", () => done({ status: answer.statusCode, text, headers: answer.headers }));
      });
      request.on("error", fail);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
    if (!accept.includes(status)) throw new Error(`${method} ${path}: ${status} ${text}`);
    return { headers: got, body: text ? JSON.parse(text) : undefined };
  }

  /**
   * Steers the devices as `store-hub demo-control` does: `scan 0400008189811`, `weigh 1.25`.
   * @param {string} command
   */
  control(command, lane = 1) {
    return new Promise((done, fail) => {
      const socket = connect(join(this.directory, "store-hub-demo.sock"));
      let said = "";
      socket.setEncoding("utf8");
      socket.on("connect", () => socket.write(`${lane} ${command}\n`));
      socket.on("data", (text) => (said += text));
      socket.on("error", fail);
      socket.on("close", () =>
        said.trim() === "done" ? done(undefined) : fail(new Error(`${command}: ${said.trim() || "no answer"}`)),
      );
    });
  }

  /** A browser of its own, with its own storage. */
  async page({ width = 1280, height = 800, dark = false, locale = "en-US", touch = false } = {}) {
    const context = await this.browser.newContext({
      viewport: { width, height },
      colorScheme: dark ? "dark" : "light",
      locale,
      hasTouch: touch,
      ignoreHTTPSErrors: true,
      reducedMotion: "reduce",
    });
    await context.addInitScript(watchInteractions);
    const page = await context.newPage();
    // A slow machine is no fault.
    page.setDefaultTimeout(30_000);
    page.on("pageerror", (error) => this.faults.push(`${page.url()}: ${error.stack ?? error.message}`));
    page.on("console", (message) => {
      const text = message.text();
      // Answers of the hub that refuse something are part of the play; so is a network that is cut. The style that is
      // refused is Playwright's, which hides the caret in pictures.
      if (
        message.type() === "error" &&
        !/status of [45]\d\d|net::ERR_|WebSocket connection|Applying inline style/.test(text)
      )
        this.faults.push(`${page.url()}: ${text}`);
    });
    return page;
  }

  /** What the pages complained about. @type {string[]} */
  faults = [];

  async end() {
    await this.browser?.close();
    const gone = new Promise((done) => this.demo.on("exit", done));
    this.demo.kill("SIGINT");
    await Promise.race([gone, new Promise((done) => setTimeout(done, 10_000))]);
    this.demo.kill("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** In the page: the times from keys and presses to the next paint. */
function watchInteractions() {
  window.interactions = [];
  new PerformanceObserver((list) => {
    for (const { interactionId, duration } of list.getEntries()) if (interactionId) window.interactions.push(duration);
  }).observe({ type: "event", durationThreshold: 16, buffered: true });
}

/** Serious findings of axe-core on a page. */
export async function accessibility(page, what) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }),
  );
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return serious.map(
    ({ id, nodes }) =>
      `${what}: ${id}: ${nodes
        .slice(0, 3)
        .map(({ target, failureSummary }) => `${target} ${failureSummary}`)
        .join("; ")}`,
  );
}

/** Steps with their names, so that a failure says where. */
export class Play {
  steps = 0;
  /** @param {string} name @param {() => Promise<unknown>} work */
  async step(name, work) {
    this.steps++;
    try {
      return await work();
    } catch (error) {
      throw new Error(`step ${this.steps}, ${name}: ${error.message}`, { cause: error });
    }
  }
}

/** Saves a picture, if pictures are asked for. */
export async function picture(page, name) {
  const directory = process.env.PICTURES;
  if (!directory) return;
  mkdirSync(directory, { recursive: true });
  // Messages of what was done before are not part of it.
  const hide = (isHidden) => document.querySelectorAll(".toast").forEach((toast) => (toast.hidden = isHidden));
  await page.evaluate(hide, true);
  await page.waitForTimeout(150);
  await page.screenshot({ path: join(directory, `${name}.png`) });
  await page.evaluate(hide, false);
}

/** Times, sorted. */
export function quantile(times, share) {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
