// The wall: read from across a room, opened down to who answers, and shown on a screen that opens nothing else.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, desktop, inBounds, phone, scale, shot, signIn, start, visit, wall } from './site.js';

const WIDE = { viewport: { width: 3840, height: 1080 } };

let site;
before(async () => { site = await start(); });
after(() => site.stop());

/** A leader of the city, once the ledger's clock has coloured what the demonstration has. */
async function leader(options = wall, locale = 'zh-CN') {
  const page = await visit(site, options, locale);
  await signIn(page, site, 'dezhou.leader');
  await page.goto(`${site.address}/wall?lang=${locale}`);
  await page.waitForURL(/\/wall\/371400/);
  await page.waitForSelector('.late .red', { timeout: 30_000 });
  return page;
}

test('a leader opens a red down to the blocker, the post that answers, and its entries', async () => {
  const page = await leader();
  const red = page.locator('.late li:has(.days.red)', { hasText: '堵点难点' }).first();
  const [title, days] = await Promise.all(['.what', '.days a'].map((it) => red.locator(it).innerText()));
  const who = await red.locator('.who').evaluate((it) => it.firstChild.textContent);
  const post = who.split(' · ')[1];
  await red.locator('.what a').click();
  await page.waitForURL(/\/matters\//);
  assert.match(await page.textContent('h1'), new RegExp(title));
  const facts = await page.textContent('.facts');
  assert.ok(facts.includes(post) && facts.includes(days), `${facts}: ${post}, ${days}`);
  await page.locator('#history .live-time a').last().click();
  await page.waitForURL(/\/ledger\/.+\/\d+/);

  // Every number opens: how many are red, into the entries that made them so.
  await page.goto(`${site.address}/wall/371400`);
  const total = page.locator('.totals .red a');
  const amount = Number(await total.getAttribute('data-amount'));
  assert.ok(amount > 0);
  await total.click();
  assert.equal(await page.locator('.tile-value').first().innerText(), String(amount));
  assert.ok(await page.locator('#entries tbody tr').count() >= amount);
  assert.deepEqual(page.complaints, []);
});

test('what a scale sells arrives on the wall by itself', async () => {
  const page = await leader();
  const sales = page.locator('.strip [data-figure="market.sales.amount"]');
  const before = Number(await sales.getAttribute('data-amount'));
  await page.waitForSelector('#state:has-text("实时更新")');
  await page.evaluate(() => { document.body.dataset.same = 'page'; });
  await scale(site, 1).sell(4_000_000_101);
  await page.waitForFunction((was) => Number(document.querySelector('.strip [data-figure="market.sales.amount"]').dataset.amount) > was, before);
  assert.equal(await page.getAttribute('body', 'data-same'), 'page', 'it was not loaded anew');
  assert.deepEqual(page.complaints, []);
});

test('the link of a screen shows the wall and nothing else', async () => {
  const admin = await visit(site, desktop);
  await signIn(admin, site, 'admin');
  await admin.fill('#old_password', site.accounts.admin);
  await admin.fill('#new_password', 'a wall in the hall');
  await admin.fill('#again', 'a wall in the hall');
  await admin.click('button.primary');
  await admin.waitForURL((url) => url.pathname !== '/account/password');
  await admin.goto(`${site.address}/admin/kiosks/new`);
  await admin.fill('[name=title]', '三楼指挥大厅');
  await admin.selectOption('[name=unit]', '371400');
  await admin.fill('[name=expires]', new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10));
  await admin.click('.form-actions button');
  const link = /http[^\s<"]+\/kiosk#\S+/.exec(await admin.content())[0].replace(/["<].*/, '');

  const screen = await visit(site, wall);
  await screen.goto(link);
  await screen.waitForURL(/\/wall\/371400/);
  await screen.waitForSelector('.late .red');
  assert.ok(!screen.url().includes('#'), 'the token has left the address');
  assert.equal(await screen.locator('#board a').count(), 0, 'a screen opens nothing');
  await screen.waitForSelector('#state:has-text("实时更新")');
  await shot(screen, 'wall-kiosk-1920-zh-CN');
  for (const path of ['/', '/projects', '/matters', '/market', '/figures/kernel.matters.red', '/admin']) {
    await screen.goto(site.address + path);
    assert.match(screen.url(), /\/sign-in/, path);
  }
  assert.deepEqual(screen.complaints, []);
});

test('a day that is past is marked, and stands still', async () => {
  const page = await leader();
  await page.fill('#on', '2021-12-10');
  await page.click('.day button');
  await page.waitForURL(/on=2021-12-10/);
  assert.match(await page.innerText('#state'), /2021-12-10 当日情况/);
  assert.equal(await page.getAttribute('body', 'data-source'), null);
  assert.ok(await page.locator('.ticker li').count() > 0);
  await accessible(page, 'a day that is past');
  await shot(page, 'wall-past-1920-zh-CN');
  await page.locator('.matrix tbody th a', { hasText: '德城区' }).click();
  await page.waitForURL(/\/wall\/371402\?on=2021-12-10/);
  await page.click('.day a');
  await page.waitForURL(/\/wall\/371402$/);
  await page.waitForSelector('#state:has-text("实时更新")');
  assert.deepEqual(page.complaints, []);
});

/** Parts that are not as tall as their neighbours, are two thirds empty, or cut off what they say. */
function faults() {
  const found = [];
  const root = document.documentElement;
  if (root.scrollHeight > root.clientHeight || root.scrollWidth > root.clientWidth) found.push('it scrolls');
  const parts = [...document.querySelectorAll('.map, .matrix, .late, .ticker')].filter((it) => it.checkVisibility());
  const foot = Math.max(...parts.map((it) => it.getBoundingClientRect().bottom));
  if (foot > innerHeight || foot < innerHeight - 24) found.push(`the sheet ends at ${foot}`);
  const top = Math.min(...parts.map((it) => it.getBoundingClientRect().top));
  const area = parts.map((it) => it.getBoundingClientRect()).reduce((sum, it) => sum + it.width * it.height, 0);
  const share = area / (foot - top) / innerWidth;
  if (share < 0.93) found.push(`the sheets take ${share.toFixed(2)} of the place`);
  for (const part of parts) {
    const box = part.getBoundingClientRect();
    const inside = [...part.querySelectorAll('path, tr, li, p, h2')].filter((it) => it.checkVisibility()).map((it) => it.getBoundingClientRect());
    const low = Math.max(...inside.map((it) => it.bottom));
    if (low > box.bottom + 1) found.push(`${part.className.baseVal ?? part.className} overflows by ${low - box.bottom}`);
    const filled = (low - box.top) / box.height;
    const spare = [...part.querySelectorAll('path')].map((it) => it.getBoundingClientRect().top);
    const head = spare.length ? (Math.min(...spare) - box.top) / box.height : 0;
    if (box.height > innerHeight / 3 && (filled < 2 / 3 || head > 1 / 3)) found.push(`${part.className} is filled from ${head.toFixed(2)} to ${filled.toFixed(2)}`);
  }
  const cut = [...document.querySelectorAll('.headline *, .bar *, .matrix th, .days')];
  for (const it of cut) if (it.scrollWidth > it.clientWidth + 1 && it.clientWidth > 0) found.push(`cut off: ${it.textContent.trim()}`);
  const heads = [...document.querySelectorAll('.headline')];
  for (const it of heads) if (it.getBoundingClientRect().right + 1 < Math.max(...[...it.querySelectorAll('.value > *')].map((part) => part.getBoundingClientRect().right))) found.push(`too wide: ${it.textContent.trim()}`);
  return found;
}

for (const lang of ['zh-CN', 'en']) {
  test(`the wall fills its screen and nothing is cut off (${lang})`, async () => {
    for (const [name, options] of Object.entries({ 1920: wall, 3840: WIDE })) {
      const page = await leader(options, lang);
      for (const unit of ['371400', 'jingkai', '371481', 'beiyuan']) {
        await page.goto(`${site.address}/wall/${unit}`, { waitUntil: 'load' });
        await page.evaluate(() => document.fonts.ready);
        await shot(page, `wall-${unit}-${name}-${lang}`);
        assert.deepEqual(await page.evaluate(faults), [], `${unit} on ${name}`);
      }
      await accessible(page, `the wall on ${name}`);
      assert.deepEqual(page.complaints, []);
    }
  });

  test(`the wall is read on a phone (${lang})`, async () => {
    const page = await leader(phone, lang);
    await inBounds(page, 'the wall');
    const at = (part) => page.locator(part).evaluate((it) => it.getBoundingClientRect().top + scrollY);
    assert.ok(await at('.late') < await at('.matrix') && await at('.matrix') < await at('.ticker'), 'what is late comes first');
    await accessible(page, 'the wall on a phone');
    await shot(page, `wall-371400-phone-${lang}`);
    assert.deepEqual(page.complaints, []);
  });
}
