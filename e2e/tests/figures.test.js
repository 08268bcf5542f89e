import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { desktop, phone, shot, signIn, start, visit } from './site.js';

let site;
before(async () => { site = await start(); });
after(() => site.stop());

test('a wrong password is refused beside the form and keeps the account', async () => {
  const page = await visit(site);
  await page.goto(`${site.address}/`);
  assert.match(page.url(), /\/sign-in/);
  await shot(page, 'sign-in-desktop-zh');
  await page.fill('input[name=account]', 'dezhou.leader');
  await page.fill('input[name=password]', 'not the password');
  await page.click('button.primary');
  assert.equal(await page.inputValue('input[name=account]'), 'dezhou.leader');
  assert.ok(await page.isVisible('[role=alert]'));
});

test('a leader opens a figure down to an entry and its proof verifies offline', async () => {
  const page = await visit(site, desktop);
  await signIn(page, site, 'dezhou.leader');
  await page.goto(`${site.address}/figures/market.sales?unit=371400&from=2021-12-10&to=2022-01-13`);
  await shot(page, 'figure-desktop-zh');
  const shown = Number((await page.textContent('.tile-value')).replaceAll(/[^0-9]/g, ''));
  assert.ok(shown > 0, 'the demonstration sold something');
  await page.click('#entries tbody a');
  await page.waitForURL(/\/ledger\//);
  assert.ok(await page.isVisible('#proof .verdict'));
  await shot(page, 'entry-desktop-zh');
  const get = async (end) => (await page.request.get(`${site.address}/api${new URL(page.url()).pathname}/${end}`)).text();
  const file = (name, text) => { const path = join(site.data, name); writeFileSync(path, text); return path; };
  const proof = file('p', await get('proof'));
  const leaf = file('l', await get('leaf'));
  const key = (await (await page.request.get(`${site.address}/log/key`)).text()).trim();
  const taizhang = join(process.env.CARGO_TARGET_DIR ?? '../target', 'debug', 'taizhang');
  assert.match(execFileSync(taizhang, ['verify', '--key', key, '--leaf', leaf, proof], { encoding: 'utf8' }), /^verified/);
  writeFileSync(leaf, readFileSync(leaf, 'utf8').replace('"v":1', '"v":2'));
  assert.throws(() => execFileSync(taizhang, ['verify', '--key', key, '--leaf', leaf, proof], { stdio: 'pipe' }));
});

test('a figure reads well on a phone and in English', async () => {
  const page = await visit(site, phone, 'en');
  await signIn(page, site, 'dezhou.leader');
  await page.goto(`${site.address}/figures/market.visitors?unit=371400&from=2022-01-01&to=2022-01-13&lang=en`);
  assert.equal(await page.textContent('h1'), 'Visitors');
  const wider = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  assert.equal(wider, false, 'nothing is wider than the phone');
  await shot(page, 'figure-phone-en');
});
