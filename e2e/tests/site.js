// A server of its own with the demonstration year, and a browser.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../..', import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
export const shots = fileURLToPath(new URL('../shots', import.meta.url));

const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

/**
 * Starts the demonstration without its simulated day and resolves with its address and accounts. With `clock`, the
 * server's calendar can be set ahead by whole days while it runs, as if the machine had slept. `toml` and `env` configure it.
 */
export async function start({ clock = false, toml = '', env = {} } = {}) {
  mkdirSync(shots, { recursive: true });
  const data = mkdtempSync(join(tmpdir(), 'taizhang-e2e-'));
  const ahead = join(data, 'ahead');
  const setClock = async (days) => {
    writeFileSync(ahead, `+${days}d\n`);
    // Each thread looks at the file once a second.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
  };
  if (clock) await setClock(0);
  const faked = {
    LD_PRELOAD: FAKETIME, FAKETIME_TIMESTAMP_FILE: ahead, FAKETIME_CACHE_DURATION: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  const config = join(data, 'taizhang.toml');
  writeFileSync(config, toml);
  const server = spawn(join(target, 'debug', 'taizhang'), ['--config', config, '--data', data, 'demo', '--quiet', '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...(clock ? faked : {}), ...env },
  });
  let printed = '';
  const address = await new Promise((resolve, reject) => {
    server.stdout.on('data', (chunk) => {
      printed += chunk;
      const found = /listening on (http:\S+)/.exec(printed);
      if (found) resolve(found[1]);
    });
    server.on('exit', (code) => reject(new Error(`the server ended with ${code}:\n${printed}`)));
  });
  const lines = readFileSync(join(data, 'demo-accounts.txt'), 'utf8').trim().split('\n');
  const accounts = Object.fromEntries(lines.map((line) => line.split(/ {2}/).slice(0, 2)));
  accounts.admin = /account admin, one-time password: (\S+)/.exec(printed)[1];
  const credentials = JSON.parse(readFileSync(join(data, 'demo-credentials.json'), 'utf8'));
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  const stop = async () => {
    await browser.close();
    server.removeAllListeners('exit');
    server.kill();
    await new Promise((resolve) => server.on('close', resolve));
    rmSync(data, { recursive: true, force: true });
  };
  return { address, accounts, credentials, browser, data, setClock, stop };
}

export const desktop = { viewport: { width: 1440, height: 1000 } };
export const wall = { viewport: { width: 1920, height: 1080 } };
export const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
export const small = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

/** A page of a new visitor; scripts that fail fail the test, and what the console complains of is kept. */
export async function visit(site, options = desktop, locale = 'zh-CN') {
  const context = await site.browser.newContext({ ...options, locale });
  const page = await context.newPage();
  page.complaints = [];
  page.on('pageerror', (error) => { throw error; });
  page.on('console', (message) => {
    // A refused form is no fault of the page.
    const refused = /status of 4\d\d/.test(message.text());
    if (message.type() === 'error' && !refused) page.complaints.push(`${page.url()}: ${message.text()}`);
  });
  return page;
}

/** Entries of the market's book, as its checkpoint says. */
export async function entries(site, book = 'beiyuan') {
  // A published checkpoint may be five seconds old.
  await new Promise((resolve) => setTimeout(resolve, 5_500));
  const note = await (await fetch(`${site.address}/log/${book}/checkpoint`)).text();
  return Number(note.split('\n')[1]);
}

/** What a scale of the first market asks. */
export function scale(site, number) {
  const authorization = `Bearer ${site.credentials.scales.find(([it]) => it === number)[1]}`;
  const ask = async (path, body) => {
    const options = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    return (await fetch(site.address + path, { ...options, headers: { ...options?.headers, authorization } })).json();
  };
  return {
    state: () => ask('/scale/v1/state'),
    acknowledge: (holds) => ask('/scale/v1/acks', { holds }),
    /** Sells half a kilogram of a lot, or of the first; resolves with the slip's serial. */
    async sell(counter, lot) {
      const state = await ask('/scale/v1/state');
      const of = state.lots.find((it) => it.lot === lot) ?? state.lots[0];
      const price = state.prices.find((it) => it.product === of.product).fen_per_kg;
      const sale = {
        counter, lot: of.lot, product: of.product, stall: state.stall, occurred: new Date().toISOString(), grams: 500,
        fen_per_kg: price, amount_fen: Math.round(price / 2), nonce: '0123456789abcdef',
      };
      const receipt = await ask('/scale/v1/sales', { sales: [sale] });
      if (receipt.lines?.[0].outcome !== 'recorded') throw new Error(JSON.stringify(receipt));
      return { lot: of.lot, serial: receipt.lines[0].slip };
    },
  };
}

/** Signs in through the form. */
export async function signIn(page, site, account, password = site.accounts[account]) {
  await page.goto(`${site.address}/sign-in`);
  await page.fill('input[name=account]', account);
  await page.fill('input[name=password]', password);
  await page.click('button.primary');
}

export const shot = (page, name) => page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Fails where a page cannot be used by everybody, or one of its parts lies over the heading of another. */
export async function accessible(page, what) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  const grave = violations.filter((it) => ['serious', 'critical'].includes(it.impact));
  assert.deepEqual(grave.map((it) => `${what}: ${it.id}: ${it.nodes.slice(0, 3).map((node) => node.html).join(' ')}`), []);
  const covered = await page.evaluate(() => [...document.querySelectorAll('main h1, main h2, main h3')].filter((heading) => {
    if (!heading.checkVisibility() || getComputedStyle(heading).clipPath !== 'none') return false;
    heading.scrollIntoView({ block: 'center' });
    const box = heading.getBoundingClientRect();
    if (box.width <= 1) return false;
    const top = document.elementFromPoint(box.left + Math.min(8, box.width / 2), box.top + box.height / 2);
    return !(heading.contains(top) || top?.contains(heading));
  }).map((heading) => heading.textContent));
  assert.deepEqual(covered, [], `${what}: covered headings`);
  await page.evaluate(() => scrollTo(0, 0));
}

/** Fails where a page is wider than its screen. */
export async function inBounds(page, what) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(over <= 0, `${what} is ${over} px wider than its screen`);
}
