import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFileSync } from 'node:fs';
import { desktop, phone, shot, signIn, start, visit } from './site.js';

let site;
before(async () => { site = await start(); });
after(() => site.stop());

const scale = (number) => ({ authorization: `Bearer ${site.credentials.scales.find(([it]) => it === number)[1]}` });
const json = async (path, options) => (await fetch(site.address + path, options)).json();

/** Scale 1 sells from its first open lot; resolves with the lot and the slip's serial. */
async function sell(counter) {
  const state = await json('/scale/v1/state', { headers: scale(1) });
  const { lot, product } = state.lots[0];
  const price = state.prices.find((it) => it.product === product).fen_per_kg;
  const sale = {
    counter, lot, product, stall: state.stall, occurred: new Date().toISOString(), grams: 500,
    fen_per_kg: price, amount_fen: Math.round(price / 2), nonce: '0123456789abcdef',
  };
  const receipt = await json('/scale/v1/sales', {
    method: 'POST', headers: { ...scale(1), 'content-type': 'application/json' }, body: JSON.stringify({ sales: [sale] }),
  });
  assert.equal(receipt.lines?.[0].outcome, 'recorded', JSON.stringify(receipt));
  return { lot, serial: receipt.lines[0].slip };
}

const gtin = () => {
  const first = readFileSync(new URL('../../demo/market/beiyuan.jsonl', import.meta.url), 'utf8').split('\n')[0];
  return JSON.parse(first).body.slip_gtin;
};

test('the county and the market are seen in both languages', async () => {
  const page = await visit(site, desktop);
  await signIn(page, site, 'dezhou.leader');
  for (const lang of ['zh-CN', 'en']) {
    await page.goto(`${site.address}/market?lang=${lang}`);
    assert.ok(await page.locator('.tile').count() > 5);
    await shot(page, `county-desktop-${lang}`);
    await page.goto(`${site.address}/market/beiyuan`);
    await shot(page, `market-desktop-${lang}`);
    await page.goto(`${site.address}/market/beiyuan/lots`);
    assert.ok(await page.locator('tbody tr').count() > 10);
    await shot(page, `lots-desktop-${lang}`);
  }
});

test('a shopper opens a slip in both languages and learns nothing else', async () => {
  const { serial } = await sell(4_000_000_001);
  const page = await visit(site, phone);
  for (const lang of ['zh-CN', 'en']) {
    const answer = await page.goto(`${site.address}/01/${gtin()}/21/${serial}?lang=${lang}`);
    assert.equal(answer.status(), 200);
    await shot(page, `slip-phone-${lang}`);
  }
  const guessed = serial.slice(0, -1) + (serial.endsWith('0') ? '1' : '0');
  assert.equal((await page.goto(`${site.address}/01/${gtin()}/21/${guessed}`)).status(), 404);
});

test('an inspector sees the blocks of a failed lot arrive', async () => {
  const { lot } = await sell(4_000_000_002);
  const page = await visit(site, desktop);
  await signIn(page, site, 'decheng.inspector');
  await page.goto(`${site.address}/market/beiyuan/lots/${lot}`);
  const csrf = await page.getAttribute('meta[name=csrf-token]', 'content');
  const body = { kind: 'market.inspection.recorded', body: {
    lot, method: 'rapid-colloidal-gold', item: 'organophosphate', reading: '82 %', limit: '50 %', verdict: 'fail', retest_of: null } };
  const recorded = await page.request.post(`${site.address}/api/market/beiyuan/entries`, { headers: { 'x-csrf-token': csrf }, data: body });
  assert.equal(recorded.status(), 201);
  const hold = (await recorded.json()).holds[0].seq;
  await page.reload();
  await shot(page, 'lot-held-desktop-zh');
  const before = await page.textContent('main');
  const acked = await json('/scale/v1/acks', {
    method: 'POST', headers: { ...scale(1), 'content-type': 'application/json' }, body: JSON.stringify({ holds: [hold] }),
  });
  assert.equal(acked.recorded.length, 1);
  await page.waitForFunction((text) => document.querySelector('main').textContent !== text, before);
  await shot(page, 'lot-blocked-desktop-zh');
  const refused = await fetch(`${site.address}/scale/v1/sales`, {
    method: 'POST', headers: { ...scale(1), 'content-type': 'application/json' },
    body: JSON.stringify({ sales: [{ counter: 4_000_000_003, lot, product: 'x', stall: 'x', occurred: new Date().toISOString(), grams: 1, fen_per_kg: 1, amount_fen: 0, nonce: '0123456789abcdef' }] }),
  });
  assert.notEqual(refused.status, 200);
});

test('an operator receives a lot on a phone', async () => {
  const page = await visit(site, phone);
  await signIn(page, site, 'beiyuan.operator');
  await page.goto(`${site.address}/market/beiyuan/lots/new?stall=A001`);
  await shot(page, 'receive-phone-zh');
  assert.ok(await page.locator('form').count() > 0);
});
