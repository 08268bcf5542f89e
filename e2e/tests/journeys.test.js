// What people do here, through the pages that they do it with.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFileSync } from 'node:fs';
import { desktop, entries, phone, scale, shot, signIn, start, visit } from './site.js';

let site;
before(async () => { site = await start(); });
after(() => site.stop());

const market = (page) => `${site.address}/market/beiyuan/${page}`;
const gtin = () => {
  const first = readFileSync(new URL('../../demo/market/beiyuan.jsonl', import.meta.url), 'utf8').split('\n')[0];
  return JSON.parse(first).body.slip_gtin;
};

/** A photo as a phone takes it: some twelve million pixels, and more bytes than are taken. */
async function photo(page) {
  const base64 = await page.evaluate(async () => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [4000, 3000];
    const context = canvas.getContext('2d');
    const noise = context.createImageData(4000, 3000);
    let state = 1;
    for (let at = 0; at < noise.data.length; at += 1) {
      state = (state * 1103515245 + 12345) & 0x7fffffff;
      noise.data[at] = at % 4 === 3 ? 255 : 96 + (state >> 16) % 64;
    }
    context.putImageData(noise, 0, 0);
    return canvas.toDataURL('image/jpeg', 0.9).split(',')[1];
  });
  return { name: 'IMG_0001.jpg', mimeType: 'image/jpeg', buffer: Buffer.from(base64, 'base64') };
}

test('an operator receives a lot with a photo on a phone in three taps, and the scale may sell it', async () => {
  const page = await visit(site, phone);
  await signIn(page, site, 'beiyuan.operator');
  await page.goto(market('lots/new?stall=A001'));
  const before = new Set((await scale(site, 1).state()).lots.map((it) => it.lot));
  await page.tap('section.live a');
  await page.waitForURL(/product=/);
  const taken = await photo(page);
  assert.ok(taken.buffer.length > 3 << 20, 'as large as a phone makes it');
  await page.setInputFiles('#photo', taken);
  await page.waitForFunction(() => document.querySelector('#photo').files[0].size < 3 << 20);
  await shot(page, 'receive-filled-phone-zh');
  await page.tap('#receive button');
  await page.waitForURL(/done=\d+/);
  assert.match(await page.textContent('.notice'), /已登记/);
  await page.goto(market('lots?stall=A001'));
  await page.tap('tbody tr:first-child td:first-child a');
  await page.waitForURL(/\/lots\/[^?]+$/);
  const lot = decodeURIComponent(new URL(page.url()).pathname.split('/').pop());
  const picture = page.locator('.files img');
  await picture.scrollIntoViewIfNeeded();
  await page.waitForFunction(() => document.querySelector('.files img').naturalWidth > 0);
  await shot(page, 'lot-with-photo-phone-zh');
  assert.ok(!before.has(lot));
  assert.ok((await scale(site, 1).state()).lots.some((it) => it.lot === lot), 'the scale knows the lot');
  await scale(site, 1).sell(4_000_000_101, lot);
  await page.reload();
  assert.match(await page.textContent('.tiles'), /0\.500/);
  assert.deepEqual(page.complaints, []);
});

for (const javaScriptEnabled of [true, false]) {
  test(`a double click records once, ${javaScriptEnabled ? 'with' : 'without'} script`, async () => {
    const page = await visit(site, { ...desktop, javaScriptEnabled });
    await signIn(page, site, 'beiyuan.operator');
    await page.goto(market('record/price?stall=A001'));
    await page.selectOption('#product', { index: 1 });
    await page.fill('#fen_per_kg', '9.90');
    const before = await entries(site);
    await page.dblclick('.form-actions button');
    await page.waitForURL(/done=\d+/);
    assert.equal(await entries(site), before + 1);
    await page.goto(market('lots/new?stall=A001&product=celery&supplier=S&origin=O&quantity_g=3'));
    await page.dblclick('#receive button');
    await page.waitForURL(/done=\d+/);
    assert.equal(await entries(site), before + 2);
  });
}

test('a refused form keeps what was typed, and says that the file must be chosen again', async () => {
  const page = await visit(site, phone);
  await signIn(page, site, 'beiyuan.operator');
  await page.goto(market('lots/new?stall=A001'));
  await page.selectOption('#product', 'celery');
  await page.fill('#quantity_g', '12.5');
  await page.fill('#supplier', '示范合作社');
  await page.fill('#origin', '山东寿光');
  await page.setInputFiles('#photo', { name: 'IMG_0002.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture') });
  await page.tap('#receive button');
  await page.waitForSelector('#photo-error');
  assert.match(await page.textContent('#photo-error'), /JPEG/);
  assert.match(await page.textContent('#photo-hint'), /重新选择/);
  assert.equal(await page.inputValue('#product'), 'celery');
  assert.equal(await page.inputValue('#quantity_g'), '12.5');
  assert.equal(await page.inputValue('#supplier'), '示范合作社');
  await shot(page, 'receive-refused-phone-zh');
  await page.tap('#receive button');
  await page.waitForURL(/done=\d+/);
});

test('an inspector fails a lot through the form and sees its blocks arrive', async () => {
  const { lot } = await scale(site, 2).sell(4_000_000_102);
  const page = await visit(site, desktop);
  await signIn(page, site, 'decheng.inspector');
  await page.goto(market(`lots/${lot}`));
  await page.click('text=登记检测');
  await page.selectOption('#item', 'organophosphate');
  await page.selectOption('#method', 'enzyme-inhibition');
  await page.fill('#reading', '82 %');
  await page.fill('#limit', '50 %');
  await page.selectOption('#verdict', 'fail');
  await page.click('.form-actions button');
  await page.waitForURL(/done=\d+/);
  assert.match(await page.textContent('.notice[role=status] >> nth=0'), /已登记|停售/);
  assert.match(await page.textContent('main'), /检测不合格/);
  await page.waitForSelector('.live .badge.yellow');
  await shot(page, 'lot-held-desktop-zh');
  const { blocks } = await scale(site, 2).state();
  const hold = blocks.find((it) => it.lot === lot);
  assert.ok(hold, 'the scale is told');
  await scale(site, 2).acknowledge([hold.hold ?? hold.seq]);
  await page.waitForSelector('.live .badge.done');
  assert.match(await page.textContent('.live ol'), /后确认/);
  await shot(page, 'lot-blocked-desktop-zh');
  await assert.rejects(scale(site, 2).sell(4_000_000_103, lot).then(({ lot: sold }) => assert.equal(sold, lot)), 'it is not sold any more');
  await page.click('text=召回与去向');
  await page.click('.form-actions button');
  await page.waitForURL(/done=\d+/);
  await shot(page, 'recall-desktop-zh');
  await page.goto(market(`lots/${lot}/file`));
  await shot(page, 'file-desktop-zh');
  assert.ok(!/quantity_g|fen_per_kg|enzyme-inhibition|failed_inspection/.test(await page.textContent('main')), 'no machine words');
  assert.deepEqual(page.complaints, []);
});

test('a shopper opens a slip in both languages and files a complaint', async () => {
  const { serial } = await scale(site, 3).sell(4_000_000_104);
  const page = await visit(site, phone);
  for (const [lang, word] of [['en', 'Complain'], ['zh-CN', '投诉']]) {
    const answer = await page.goto(`${site.address}/01/${gtin()}/21/${serial}?lang=${lang}`);
    assert.equal(answer.status(), 200);
    assert.match(await page.textContent('main'), new RegExp(word, 'i'));
    assert.ok(await page.isVisible('#proof .verdict'));
    await shot(page, `slip-phone-${lang}`);
  }
  await page.fill('#text', '缺斤短两');
  await page.fill('#fair_scale_g', '0.45');
  await page.tap('.form-actions button');
  await page.waitForURL(/complaint\/\d+$/);
  assert.match(await page.textContent('main'), /办理中/);
  await shot(page, 'complaint-phone-zh');
  assert.deepEqual(page.complaints, []);
});

test('a merchant sees the own stall on a phone and posts a price that reaches the scale', async () => {
  const page = await visit(site, phone);
  await signIn(page, site, 'beiyuan.m001');
  await page.goto(market('mine'));
  await page.tap('#prices tbody a >> nth=0');
  const product = await page.inputValue('#product');
  await page.fill('#fen_per_kg', '8.88');
  await page.tap('.form-actions button');
  await page.waitForURL(/mine\?done=\d+/);
  assert.match(await page.textContent('main'), /8\.88/);
  await shot(page, 'mine-phone-zh');
  const { prices } = await scale(site, 1).state();
  assert.equal(prices.find((it) => it.product === product).fen_per_kg, 888);
  const foreign = await page.goto(market('stalls'));
  assert.equal(foreign.status(), 403);
  assert.match(await page.textContent('main'), /没有权限/);
  await shot(page, 'forbidden-phone-zh');
});

test('a register is exported as CSV and XLSX', async () => {
  const page = await visit(site, desktop);
  await signIn(page, site, 'beiyuan.operator');
  await page.goto(market('stalls'));
  const file = async (link) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(link)]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  };
  const csv = await file('a[href*="export=csv"]');
  assert.match(csv.name, /\.csv$/);
  const lines = csv.bytes.toString('utf8').replace(/^\uFEFF/, '').split(/\r?\n/);
  assert.match(lines[0], /^摊位,/);
  assert.match(lines[1], /^A001,/);
  assert.ok(lines.length > 100, 'the whole register, not the page');
  const xlsx = await file('a[href*="export=xlsx"]');
  assert.match(xlsx.name, /\.xlsx$/);
  assert.equal(xlsx.bytes.subarray(0, 4).toString('latin1'), 'PK\u0003\u0004');
  assert.ok(xlsx.bytes.includes('xl/worksheets/sheet1.xml'));
});
