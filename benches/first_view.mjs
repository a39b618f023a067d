// Measures when slots are seen on the demo page, on a slow telephone: `node benches/first_view.mjs URL [PICTURE]`.
//
// URL is that of a running `holdfast sandbox` (release build). It needs Node.js 20 or newer, Chromium and chromedriver. Each
// round is a new browser, so nothing is cached. PICTURE is a PNG file of what was seen in the last round.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROUNDS = 5;
/** How much slower the processor is than this machine's. */
const SLOWER = 4;
const kilobits = (number) => number * 1000 / 8;
// "Slow 4G" has 1.6 Mbit/s down, 750 kbit/s up and a round trip of 150 ms. The preset of Chrome's DevTools counts each request
// as 3.75 round trips, because that of a new server has some more, and takes a tenth off the rates.
const networks = {
  "no limits": { latency: 0, downloadThroughput: -1, uploadThroughput: -1 },
  "Slow 4G": { latency: 150, downloadThroughput: kilobits(1600), uploadThroughput: kilobits(750) },
  "Slow 4G, as DevTools' preset": { latency: 150 * 3.75, downloadThroughput: kilobits(1440), uploadThroughput: kilobits(675) },
};
// Runs in the page: keeps the time of the first frame that has slots.
const watch = () => {
  const look = () => {
    const slots = document.querySelector("holdfast-booking")?.shadowRoot?.querySelector("#slots[data-state=ready] label");
    if (!slots) requestAnimationFrame(look);
    // The frame is drawn after the callback, so the next task comes after it.
    else setTimeout(() => { globalThis.seenAt = performance.now(); });
  };
  requestAnimationFrame(look);
};

const [url, picture] = process.argv.slice(2);
if (!url) throw new Error("usage: node benches/first_view.mjs URL [PICTURE]");

/** Starts chromedriver, and returns its address. */
async function startDriver() {
  const driver = spawn("chromedriver", ["--port=0"]);
  let said = "";
  for await (const part of driver.stdout) {
    said += part;
    const [, port] = said.match(/started successfully on port (\d+)/) ?? [];
    if (port) return { driver, address: `http://127.0.0.1:${port}` };
  }
  throw new Error(`chromedriver does not start: ${said}`);
}

async function call(address, body) {
  const response = await fetch(address, body ? { method: "POST", body: JSON.stringify(body) } : { method: "DELETE" });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`${address}: ${JSON.stringify(value)}`);
  return value;
}

/** Opens the page in a new browser, and returns when its slots were seen, and what was asked for until then. */
async function measure(address, profile, network) {
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", `--user-data-dir=${profile}`];
  const options = { browserName: "chrome", "goog:chromeOptions": { args } };
  const { sessionId } = await call(`${address}/session`, { capabilities: { alwaysMatch: options } });
  const session = `${address}/session/${sessionId}`;
  const devtools = (cmd, params) => call(`${session}/goog/cdp/execute`, { cmd, params });
  const run = (script) => call(`${session}/execute/sync`, { script, args: [] });
  await devtools("Emulation.setDeviceMetricsOverride", { width: 390, height: 844, deviceScaleFactor: 1, mobile: true });
  await devtools("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  await devtools("Network.enable", {});
  await devtools("Network.emulateNetworkConditions", { offline: false, ...network });
  await devtools("Page.addScriptToEvaluateOnNewDocument", { source: `(${watch})()` });
  await call(`${session}/url`, { url });
  let seenAt = null;
  while (seenAt === null) seenAt = await run("return globalThis.seenAt ?? null");
  const requests = await run(`return [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .map(({ name, startTime, responseEnd, transferSize }) => [name, startTime, responseEnd, transferSize])`);
  if (picture) writeFileSync(picture, Buffer.from((await devtools("Page.captureScreenshot", {})).data, "base64"));
  await call(session);
  return { seenAt, requests };
}

const { driver, address } = await startDriver();
const profiles = mkdtempSync(join(tmpdir(), "first-view-"));
try {
  for (const [name, network] of Object.entries(networks)) {
    const rounds = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      rounds.push(await measure(address, join(profiles, `${name}-${round}`.replace(/\W+/g, "-")), network));
    }
    rounds.sort((one, other) => one.seenAt - other.seenAt);
    const { seenAt, requests } = rounds[Math.floor(ROUNDS / 2)];
    const all = rounds.map((round) => Math.round(round.seenAt)).join(", ");
    const bytes = requests.reduce((sum, [, , , size]) => sum + size, 0);
    console.log(`${name}: slots seen after ${Math.round(seenAt)} ms (${all}), ${bytes} bytes`);
    for (const [what, from, to, size] of requests) {
      console.log(`    ${Math.round(from)} to ${Math.round(to)} ms, ${size} bytes: ${what.slice(0, 90)}`);
    }
  }
} finally {
  driver.kill();
  rmSync(profiles, { recursive: true, force: true });
}
