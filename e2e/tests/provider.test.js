// Signing in with a provider of OpenID Connect: an unknown person, the administrator who links an account, and the way in.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { accessible, desktop, inBounds, phone, shot, signIn, start, visit } from './site.js';

let site;
let provider;
before(async () => {
  const secret = randomBytes(16).toString('hex');
  provider = spawn(fileURLToPath(new URL('../outside/run.sh', import.meta.url)), ['provider', secret], { stdio: ['pipe', 'pipe', 'ignore'] });
  const { issuer } = JSON.parse(String(await new Promise((resolve) => provider.stdout.once('data', resolve))));
  const toml = `[oidc]
issuer = "${issuer}"
client_id = "taizhang"
title_zh = "德州市统一身份认证"
title_en = "Dezhou single sign-on"
networks = ["127.0.0.1"]
`;
  site = await start({ toml, env: { TAIZHANG_OIDC_SECRET: secret } });
});
after(async () => {
  await site?.stop();
  provider.stdin.end();
});

const PERSON = 'wei-0041';
const PASSWORD = 'a long enough phrase';

async function looked(page, name) {
  await accessible(page, name);
  await inBounds(page, name);
  await shot(page, name);
}

/** Goes by the button to the provider, and signs in there. */
async function byProvider(page, from) {
  // The provider's pages ask for a font from elsewhere.
  await page.context().route('**/*', (route) => (new URL(route.request().url()).hostname === '127.0.0.1' ? route.continue() : route.fulfill({ body: '' })));
  await page.goto(`${site.address}${from}`);
  await page.click('.otherwise a');
  await page.waitForSelector('input[name=login]');
  assert.ok(!page.url().startsWith(site.address), 'the password is typed at the provider');
  await page.fill('input[name=login]', PERSON);
  await page.fill('input[name=password]', 'any');
  await page.click('button[type=submit]');
}

async function open(admin, account) {
  await admin.goto(`${site.address}/admin/accounts/new`);
  await admin.fill('#account', account);
  await admin.fill('#title', '德城区值班员');
  await admin.selectOption('#unit', '371402');
  await admin.click('.form-actions button');
  await admin.waitForSelector('.once');
}

async function choosePassword(page, account, given) {
  await signIn(page, site, account, given);
  await page.waitForURL(/\/account\/password/);
  await page.fill('#old_password', given);
  await page.fill('#new_password', PASSWORD);
  await page.fill('#again', PASSWORD);
  await page.click('button.primary');
  await page.waitForURL((url) => url.pathname !== '/account/password');
}

test('whoever the provider knows is told what to say, is linked, and enters', async () => {
  for (const [options, device] of [[desktop, 'desktop'], [phone, 'phone']]) {
    for (const [locale, lang] of [['zh-CN', 'zh'], ['en-GB', 'en']]) {
      const page = await visit(site, options, locale);
      await page.goto(`${site.address}/sign-in`);
      await looked(page, `sign-in-provider-${device}-${lang}`);
      await byProvider(page, '/sign-in');
      await page.waitForURL((url) => url.href.startsWith(site.address));
      assert.equal(await page.textContent('.facts code'), PERSON);
      await looked(page, `sign-in-unknown-${device}-${lang}`);
      assert.equal((await page.context().cookies(site.address)).filter((it) => it.name.startsWith('taizhang_')).length, 0);
      assert.deepEqual(page.complaints, []);
    }
  }

  const admin = await visit(site, desktop);
  await choosePassword(admin, 'admin', site.accounts.admin);
  await open(admin, 'decheng.reader');
  await admin.goto(`${site.address}/admin/accounts/decheng.reader`);
  await looked(admin, 'admin-identity-none-desktop-zh');
  await admin.fill('#identifier', PERSON);
  await admin.dblclick('form[action$="/set-identity"] button');
  await admin.waitForSelector('form[action$="/remove-identity"]');
  assert.match(await admin.textContent('.facts'), new RegExp(PERSON));
  await looked(admin, 'admin-identity-desktop-zh');
  await admin.setViewportSize(phone.viewport);
  await admin.goto(`${site.address}/admin/accounts/decheng.reader?lang=en`);
  await looked(admin, 'admin-identity-phone-en');
  await admin.fill('#identifier', PERSON);
  await admin.click('form[action$="/set-identity"] button');
  await admin.waitForSelector('#identifier-error');
  assert.equal(await admin.inputValue('#identifier'), PERSON, 'a refused form keeps what was typed');

  const page = await visit(site, desktop);
  // Nobody has used the account's one-time password, and the page that was wanted is the page that opens.
  await page.goto(`${site.address}/account`);
  await byProvider(page, new URL(page.url()).pathname + new URL(page.url()).search);
  await page.waitForURL(`${site.address}/account`);
  assert.match(await page.textContent('.facts'), /decheng\.reader/);
  await looked(page, 'account-by-provider-desktop-zh');
  await admin.goto(`${site.address}/admin/accounts/decheng.reader`);
  await admin.click('form[action$="/remove-identity"] button');
  await admin.waitForSelector('form[action$="/remove-identity"]', { state: 'detached' });
  await page.goto(`${site.address}/account`);
  assert.match(page.url(), /\/sign-in\?next=/, 'the session ends with the link');

  // A unit of theirs links an account: its owner sees with which identity, and says so.
  await admin.setViewportSize(desktop.viewport);
  await open(admin, 'decheng.admin');
  const once = await admin.textContent('.once code');
  await admin.goto(`${site.address}/admin/accounts/decheng.admin?lang=zh-CN`);
  await admin.click('text=授予角色');
  await admin.selectOption('#role', 'admin');
  await admin.selectOption('#unit', '371402');
  // An administrator is made with the password given again.
  await admin.fill('#password', PASSWORD);
  await admin.click('.form-actions button');
  await admin.waitForURL(/accounts\/decheng\.admin$/);
  await open(admin, 'decheng.duty');
  const given = await admin.textContent('.once code');
  const unit = await visit(site, desktop);
  await choosePassword(unit, 'decheng.admin', once);
  await unit.goto(`${site.address}/admin/accounts/decheng.duty`);
  await unit.fill('#identifier', PERSON);
  await unit.click('form[action$="/set-identity"] button');
  await unit.waitForSelector('form[action$="/remove-identity"]');

  for (const [options, device, locale, lang] of [[desktop, 'desktop', 'zh-CN', 'zh'], [phone, 'phone', 'en-GB', 'en']]) {
    const owner = await visit(site, options, locale);
    if (device === 'desktop') await choosePassword(owner, 'decheng.duty', given);
    else await signIn(owner, site, 'decheng.duty', PASSWORD);
    await owner.waitForURL((url) => !url.pathname.startsWith('/sign-in'));
    await owner.goto(`${site.address}/sign-in`);
    await byProvider(owner, '/sign-in');
    await owner.waitForSelector('input[name=offer]', { state: 'attached' });
    assert.match(await owner.textContent('.facts'), new RegExp(`decheng.duty[^]*${PERSON}`));
    await looked(owner, `sign-in-unseen-${device}-${lang}`);
    if (device === 'phone') {
      await owner.click('button.primary');
      await owner.waitForURL((url) => url.pathname === '/');
    }
    assert.deepEqual(owner.complaints, []);
  }
  const next = await visit(site, desktop);
  await byProvider(next, '/sign-in');
  await next.waitForURL((url) => url.href.startsWith(site.address) && !url.pathname.startsWith('/sign-in'));
  await next.goto(`${site.address}/account`);
  assert.match(await next.textContent('.facts'), /decheng\.duty/);

  const late = await visit(site, phone, 'zh-CN');
  const answer = await late.goto(`${site.address}/sign-in/provider/back?code=a&state=b`);
  assert.equal(answer.status(), 400);
  await looked(late, 'sign-in-ended-phone-zh');
  assert.deepEqual([...admin.complaints, ...page.complaints, ...late.complaints], []);
});
