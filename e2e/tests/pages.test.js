// What holds for every page: legible to everybody, light, in bounds, and quiet in the console.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFileSync } from 'node:fs';
import { accessible, desktop, inBounds, scale, shot, signIn, small, start, visit } from './site.js';

let site;
let lot;
let slip;
before(async () => {
  site = await start();
  const sold = await scale(site, 1).sell(4_000_000_201);
  lot = sold.lot;
  const first = readFileSync(new URL('../../demo/market/beiyuan.jsonl', import.meta.url), 'utf8').split('\n')[0];
  slip = `/01/${JSON.parse(first).body.slip_gtin}/21/${sold.serial}`;
});
after(() => site.stop());

const BYTES_MAX = 150_000;

const PAGES = {
  'nobody': () => ['/sign-in', slip, '/help/api', '/nowhere'],
  'dezhou.leader': () => ['/market', '/market/beiyuan', '/figures/market.sales?unit=371402', '/ledger/beiyuan', '/ledger/beiyuan/5', '/matters?tab=unit', '/account/password'],
  'beiyuan.operator': () => ['lots', 'stalls', 'merchants', 'fees', 'scales', 'products', 'prices', 'lots/new?stall=A001', 'record/lease', 'record/split', 'complaints', 'breaches'].map((it) => `/market/beiyuan/${it}`),
  'decheng.inspector': () => [`lots/${lot}`, `lots/${lot}/hold`, `lots/${lot}/recall`, `lots/${lot}/file`, `inspect?lot=${lot}`, 'inspect', 'holds'].map((it) => `/market/beiyuan/${it}`),
  'beiyuan.m001': () => ['/market/beiyuan/mine'],
};

for (const [who, paths] of Object.entries(PAGES)) {
  test(`the pages of ${who} are accessible, light and in bounds`, async () => {
    const wide = await visit(site, desktop);
    const narrow = await visit(site, small, 'en');
    if (who !== 'nobody') {
      await signIn(wide, site, who);
      await signIn(narrow, site, who);
    }
    for (const path of paths()) {
      let bytes = 0;
      const weigh = async (request) => { bytes += (await request.sizes()).responseBodySize; };
      wide.on('requestfinished', weigh);
      await wide.goto(site.address + path, { waitUntil: 'load' });
      wide.off('requestfinished', weigh);
      assert.ok(bytes < BYTES_MAX, `${path}: ${bytes} bytes with what it loads`);
      await accessible(wide, path);
      await narrow.goto(`${site.address}${path}${path.includes('?') ? '&' : '?'}lang=en`, { waitUntil: 'load' });
      await inBounds(narrow, path);
      await shot(narrow, `small-en${path.split('?')[0].replaceAll('/', '-').slice(0, 40)}`);
    }
    assert.deepEqual([...wide.complaints, ...narrow.complaints], []);
  });
}
