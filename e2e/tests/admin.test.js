// The administrator's day: an account, a role, a token, a device.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { desktop, shot, signIn, start, visit } from './site.js';

let site;
before(async () => { site = await start(); });
after(() => site.stop());

const PASSWORD = 'a long enough phrase';

/** Changes the one-time password, which is all that may be done with it. */
async function firstSignIn(page, account, oneTime) {
  await signIn(page, site, account, oneTime);
  await page.waitForURL(/\/account\/password/);
  await page.goto(`${site.address}/market`);
  assert.match(page.url(), /\/account\/password/, 'nothing else opens first');
  await page.fill('#old_password', oneTime);
  await page.fill('#new_password', PASSWORD);
  await page.fill('#again', PASSWORD);
  await page.click('button.primary');
  await page.waitForURL((url) => url.pathname !== '/account/password');
}

const secret = (page) => page.textContent('.once code');
const asProgram = (path, credential) => fetch(site.address + path, { headers: { authorization: `Bearer ${credential}` } });

test('an administrator opens an account, grants, issues, enrols and revokes', async () => {
  const page = await visit(site, desktop);
  await firstSignIn(page, 'admin', site.accounts.admin);
  await page.goto(`${site.address}/admin`);
  await shot(page, 'admin-desktop-zh');

  await page.goto(`${site.address}/admin/accounts/new`);
  await page.fill('#account', 'decheng.reader');
  await page.fill('#title', '德城区值班员');
  await page.selectOption('#unit', '371402');
  await page.dblclick('.form-actions button');
  await page.waitForSelector('.once');
  const oneTime = await secret(page);
  await shot(page, 'account-secret-desktop-zh');
  await page.goto(`${site.address}/admin/accounts/decheng.reader`);
  assert.equal(await page.locator('.once').count(), 0, 'a secret is shown once');

  await page.click('text=授予角色');
  assert.equal(await page.inputValue('#grantee'), 'account:decheng.reader');
  await page.selectOption('#role', 'leader');
  await page.selectOption('#unit', '371402');
  await page.click('.form-actions button');
  await page.waitForURL(/accounts\/decheng\.reader$/);
  assert.match(await page.textContent('#grants'), /德城区/);
  await shot(page, 'account-desktop-zh');

  const reader = await visit(site, desktop);
  await firstSignIn(reader, 'decheng.reader', oneTime);
  await reader.goto(`${site.address}/market`);
  assert.match(await reader.textContent('main'), /市场总览/);
  const refused = await reader.goto(`${site.address}/admin/accounts`);
  assert.equal(refused.status(), 403);
  assert.match(await reader.textContent('main'), /没有权限/);

  await page.goto(`${site.address}/admin/tokens/new`);
  await page.fill('#title', '大屏');
  await page.selectOption('#unit', '371402');
  await page.selectOption('#role', 'leader');
  await page.click('.form-actions button');
  const token = await secret(page);
  await shot(page, 'token-secret-desktop-zh');
  const lots = '/api/market/beiyuan/lots';
  assert.equal((await asProgram(lots, token)).status, 200);
  await page.goto(`${site.address}/admin/tokens`);
  await page.click('main td a:text-is("大屏")');
  await page.click('.form-end button');
  await page.waitForFunction(() => document.querySelector('main').textContent.includes('已吊销'));
  assert.equal((await asProgram(lots, token)).status, 401);

  await page.goto(`${site.address}/admin/devices/new`);
  await page.selectOption('#book', 'beiyuan');
  await page.fill('#device', 'scale-900');
  await page.fill('#title', '900号电子秤');
  await page.fill('#subject', 'scale:beiyuan/900');
  await page.selectOption('#role', 'scale');
  await page.click('.form-actions button');
  assert.match(await secret(page), /^tzd1_beiyuan\.scale-900_/);
  await shot(page, 'device-secret-desktop-zh');
  await page.goto(`${site.address}/admin/devices/beiyuan/scale-900`);
  assert.equal(await page.locator('.once').count(), 0);

  await page.goto(`${site.address}/admin/accounts/new`);
  await page.fill('#account', 'decheng.reader');
  await page.fill('#title', '重名的人');
  await page.selectOption('#unit', '371402');
  await page.click('.form-actions button');
  await page.waitForSelector('#account-error');
  assert.equal(await page.inputValue('#title'), '重名的人', 'a refused form keeps what was typed');
  await shot(page, 'account-refused-desktop-zh');
  assert.deepEqual(page.complaints, []);
});
