import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFileSync } from 'node:fs';
import { desktop, phone, scale, shot, signIn, start, visit, wall } from './site.js';

let site;
before(async () => { site = await start(); });
after(() => site.stop());

test('the county and the market are seen in both languages', async () => {
  const page = await visit(site, desktop);
  await signIn(page, site, 'dezhou.leader');
  for (const lang of ['zh-CN', 'en']) {
    await page.goto(`${site.address}/market?lang=${lang}`);
    assert.ok(await page.locator('.tile').count() > 5);
    await shot(page, `county-desktop-${lang}`);
    await page.setViewportSize(wall.viewport);
    await shot(page, `county-wall-${lang}`);
    await page.setViewportSize(desktop.viewport);
    await page.goto(`${site.address}/market/beiyuan`);
    await shot(page, `market-desktop-${lang}`);
    await page.goto(`${site.address}/market/beiyuan/lots`);
    assert.ok(await page.locator('tbody tr').count() > 10);
    await shot(page, `lots-desktop-${lang}`);
  }
});

test('a slip that is guessed is not found', async () => {
  const { serial } = await scale(site, 1).sell(4_000_000_001);
  const first = readFileSync(new URL('../../demo/market/beiyuan.jsonl', import.meta.url), 'utf8').split('\n')[0];
  const slip = `${site.address}/01/${JSON.parse(first).body.slip_gtin}/21/${serial}`;
  const page = await visit(site, phone);
  assert.equal((await page.goto(slip)).status(), 200);
  const guessed = slip.slice(0, -1) + (slip.endsWith('0') ? '1' : '0');
  assert.equal((await page.goto(guessed)).status(), 404);
});
