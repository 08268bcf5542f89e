// Somebody's own account: the second step of signing in, from turning it on to losing the telephone.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { accessible, desktop, inBounds, phone, shot, signIn, start, visit } from './site.js';

let site;
before(async () => { site = await start(); });
after(() => site.stop());

/** What an authenticator shows (RFC 6238), some steps from now. */
function code(base32, steps = 0) {
  const bits = [...base32.replace(/\s/g, '')].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const secret = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const tag = createHmac('sha1', secret).update(counter).digest();
  const at = tag[19] & 15;
  return String((tag.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

async function looked(page, name) {
  await accessible(page, name);
  await inBounds(page, name);
  await shot(page, name);
}

test('somebody turns the second step on, signs in with it, and gets in without the telephone', async () => {
  const account = Object.keys(site.accounts).find((name) => name !== 'admin');
  const password = site.accounts[account];
  const page = await visit(site, desktop);
  await signIn(page, site, account);
  await page.click('a.viewer');
  await looked(page, 'account-off-desktop-zh');
  await page.fill('#password', 'not the password');
  await page.click('button[formaction$="/begin"]');
  await page.waitForSelector('#password-error');
  await page.fill('#password', password);
  await page.click('button[formaction$="/begin"]');
  await page.waitForSelector('svg.qr');
  await looked(page, 'account-setup-desktop-zh');
  const secret = await page.textContent('.setup code');
  await page.fill('#code', '000000');
  await page.click('button[formaction$="/confirm"]');
  await page.waitForSelector('#code-error');
  await page.fill('#code', code(secret));
  await page.dblclick('button[formaction$="/confirm"]');
  await page.waitForSelector('.codes');
  await looked(page, 'account-codes-desktop-zh');
  const codes = await page.locator('.codes code').allTextContents();
  assert.equal(codes.length, 10);
  await page.click('text=已妥善保存');
  assert.equal(await page.locator('.codes').count(), 0, 'recovery codes are shown once');
  await looked(page, 'account-on-desktop-zh');

  const small = await visit(site, phone, 'en-GB');
  await signIn(small, site, account);
  await small.waitForURL(/\/sign-in\/code/);
  await looked(small, 'sign-in-code-phone-en');
  await small.fill('#code', '000000');
  await small.click('button.primary');
  await small.waitForSelector('#code-error');
  // The code that confirmed is used up; the next one is taken a little early.
  await small.fill('#code', code(secret, 1));
  await small.click('button.primary');
  await small.waitForURL((url) => !url.pathname.startsWith('/sign-in'));
  await small.goto(`${site.address}/account`);
  await looked(small, 'account-on-phone-en');

  const lost = await visit(site, phone);
  await signIn(lost, site, account);
  await lost.waitForURL(/\/sign-in\/code/);
  await looked(lost, 'sign-in-code-phone-zh');
  await lost.fill('#code', codes[0].toUpperCase());
  await lost.click('button.primary');
  await lost.waitForURL((url) => !url.pathname.startsWith('/sign-in'));
  await lost.goto(`${site.address}/account`);
  assert.match(await lost.textContent('.facts'), /剩余恢复码 9 个/);
  await lost.fill('#password', password);
  await lost.fill('#code', codes[1]);
  await lost.click('button[formaction$="/codes"]');
  await lost.waitForSelector('.once .codes');
  await looked(lost, 'account-codes-phone-zh');
  const renewed = await lost.locator('.codes code').first().textContent();
  await lost.goto(`${site.address}/account`);
  await lost.fill('#password', password);
  await lost.fill('#code', renewed);
  await lost.click('button[formaction$="/end"]');
  await lost.waitForSelector('button[formaction$="/begin"]');
  await looked(lost, 'account-off-phone-zh');
  for (const it of [page, small, lost]) assert.deepEqual(it.complaints, []);
});
