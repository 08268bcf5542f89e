// A server of its own with the demonstration year, and a browser.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../..', import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
export const shots = fileURLToPath(new URL('../shots', import.meta.url));

/** Starts the demonstration without its simulated day and resolves with its address and accounts. */
export async function start() {
  mkdirSync(shots, { recursive: true });
  const data = mkdtempSync(join(tmpdir(), 'taizhang-e2e-'));
  const server = spawn(join(target, 'debug', 'taizhang'), ['--data', data, 'demo', '--quiet', '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const address = await new Promise((resolve, reject) => {
    let printed = '';
    server.stdout.on('data', (chunk) => {
      printed += chunk;
      const found = /listening on (http:\S+)/.exec(printed);
      if (found) resolve(found[1]);
    });
    server.on('exit', (code) => reject(new Error(`the server ended with ${code}:\n${printed}`)));
  });
  const lines = readFileSync(join(data, 'demo-accounts.txt'), 'utf8').trim().split('\n');
  const accounts = Object.fromEntries(lines.map((line) => line.split(/ {2}/).slice(0, 2)));
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
  return { address, accounts, credentials, browser, data, stop };
}

export const desktop = { viewport: { width: 1440, height: 1000 } };
export const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

/** A page of a new visitor; scripts that fail fail the test. */
export async function visit(site, options = desktop, locale = 'zh-CN') {
  const context = await site.browser.newContext({ ...options, locale });
  const page = await context.newPage();
  page.on('pageerror', (error) => { throw error; });
  return page;
}

/** Signs in through the form. */
export async function signIn(page, site, account) {
  await page.goto(`${site.address}/sign-in`);
  await page.fill('input[name=account]', account);
  await page.fill('input[name=password]', site.accounts[account]);
  await page.click('button.primary');
}

export const shot = (page, name) => page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
