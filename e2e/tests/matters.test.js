// What people owe, in a real browser: the inbox, the sheet of a matter and its moves, and what matters are judged by.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, desktop, inBounds, phone, shot, signIn, start, visit } from './site.js';

let site;
before(async () => { site = await start(); });
after(() => site.stop());

/** Fails where a page cannot be used by everybody, or is wider than its screen. */
async function judge(page, what) {
  await accessible(page, what);
  await inBounds(page, what);
}

/** Shows a page in both languages and on both screens, judges it, and keeps the pictures. */
async function show(page, name) {
  const here = new URL(page.url());
  for (const [screen, options] of Object.entries({ desktop, phone })) {
    await page.setViewportSize(options.viewport);
    for (const lang of ['en', 'zh-CN']) {
      here.searchParams.set('lang', lang);
      await page.goto(here.href);
      await judge(page, `${name} (${screen}, ${lang})`);
      await shot(page, `matters-${name}-${screen}-${lang}`);
    }
  }
}

const inDays = (days) => new Date(Date.now() + 8 * 3_600_000 + days * 86_400_000).toISOString().slice(0, 10);
const heading = (page) => page.textContent('h1');

/** Assigns a task to the market's operator, for the inspector to judge. */
async function assign(leader, title, days) {
  await leader.goto(`${site.address}/matters/new?book=beiyuan`);
  await leader.fill('#title', title);
  await leader.selectOption('#owner', 'post:beiyuan/operator');
  await leader.selectOption('#reviewer', 'post:decheng-shijianju/inspector');
  await leader.fill('#due_day', inDays(days));
  await leader.click('.form-actions button');
  await leader.waitForURL(/\/matters\/beiyuan\/[^/]+$/);
  return new URL(leader.url()).pathname;
}

const picture = { name: '整改照片.png', mimeType: 'image/png', buffer: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64') };

test('a task comes to the phone of whoever owes it, goes to its reviewer, back, and is accepted', async () => {
  const [leader, operator, inspector] = [await visit(site), await visit(site, phone), await visit(site)];
  await signIn(leader, site, 'dezhou.leader');
  await signIn(operator, site, 'beiyuan.operator');
  await signIn(inspector, site, 'decheng.inspector');
  await operator.goto(`${site.address}/matters?tab=owed`);
  const before = Number(/我承办的\s*(\d+)/.exec(await operator.textContent('#tabs'))[1]);
  const path = await assign(leader, '疏通三号大厅下水道', 3);
  // The inbox that stands open learns of it.
  await operator.waitForSelector('text=疏通三号大厅下水道');
  assert.match(await operator.textContent('#tabs'), new RegExp(`我承办的\\s*${before + 1}`));
  await show(operator, 'inbox-owed');
  await operator.setViewportSize(phone.viewport);

  await operator.tap('text=疏通三号大厅下水道');
  await operator.waitForURL(new RegExp(path));
  await operator.tap('.ways form button');
  await operator.waitForSelector('text=办理中');
  await inspector.goto(`${site.address}${path}`);
  assert.match(await inspector.textContent('#sheet'), /办理中/);

  await operator.tap('.ways a.button:not(.quiet)');
  await operator.waitForSelector('#effective');
  await operator.fill('#note', '已疏通，附照片。');
  await operator.tap('.form-actions button');
  await operator.waitForSelector('.wrong');
  assert.equal(await operator.inputValue('#note'), '已疏通，附照片。');
  await operator.setInputFiles('#file', picture);
  await shot(operator, 'matters-submit-phone-zh');
  await operator.tap('.form-actions button');
  await operator.waitForURL(new RegExp(`${path}$`));

  // So does the sheet that the reviewer has open, and its buttons change with it.
  await inspector.waitForSelector('text=审核通过，办结');
  await inspector.click('text=退回');
  await inspector.fill('#reason', '请补拍疏通后的照片。');
  await inspector.click('.form-actions button');
  await operator.waitForSelector('text=请补拍疏通后的照片');
  await show(operator, 'sheet-returned');
  await operator.setViewportSize(phone.viewport);
  await operator.goto(`${site.address}${path}/do/submitted`);
  await operator.setInputFiles('#file', picture);
  await operator.fill('#title', '疏通后照片');
  await operator.tap('.form-actions button');
  await operator.waitForURL(new RegExp(`${path}$`));

  await inspector.goto(`${site.address}/matters?tab=review`);
  await inspector.click('text=疏通三号大厅下水道');
  await show(inspector, 'sheet-review');
  await inspector.setViewportSize(desktop.viewport);
  const file = await inspector.getAttribute('.sheet ul a', 'href');
  assert.equal((await inspector.request.get(site.address + file)).headers()['content-type'], 'image/png');
  await inspector.click('.ways form button');
  await inspector.waitForSelector('text=按期办结');
  await operator.goto(`${site.address}/matters?tab=closed`);
  await show(operator, 'inbox-closed');
  for (const page of [leader, operator, inspector]) assert.deepEqual(page.complaints, []);
});

test('of two people who move a matter at once the second sees what the first did, and keeps what was typed', async () => {
  const [leader, operator, inspector] = [await visit(site), await visit(site), await visit(site)];
  await signIn(leader, site, 'dezhou.leader');
  await signIn(operator, site, 'beiyuan.operator');
  await signIn(inspector, site, 'decheng.inspector');
  const path = await assign(leader, '补齐进货台账', 5);
  await inspector.goto(`${site.address}${path}/do/extended`);
  await inspector.fill('#days', '5');
  await inspector.fill('#reason', '供货商迁址，资料待补。');
  await operator.goto(`${site.address}${path}`);
  await operator.dblclick('.ways form button');
  await operator.waitForSelector('text=办理中');
  await inspector.click('.form-actions button');
  await inspector.waitForSelector('text=您填写期间，他人已办理');
  assert.match(await inspector.textContent('.story'), /事项受领/);
  assert.equal(await inspector.inputValue('#reason'), '供货商迁址，资料待补。');
  await judge(inspector, 'a conflict');
  await shot(inspector, 'matters-conflict-desktop-zh');
  await inspector.click('.form-actions button');
  await inspector.waitForURL(new RegExp(`${path}$`));
  const told = await inspector.locator('#history li').allTextContents();
  assert.equal(told.filter((it) => it.includes('事项受领')).length, 1, 'a double click counts once');
  assert.equal(told.filter((it) => it.includes('延长 5 天')).length, 1);
});

test('without scripts and with the keyboard alone everything can be done', async () => {
  const leader = await visit(site);
  await signIn(leader, site, 'dezhou.leader');
  const path = await assign(leader, '更换照明灯', 2);
  const operator = await visit(site, { ...desktop, javaScriptEnabled: false });
  await signIn(operator, site, 'beiyuan.operator');
  await operator.goto(`${site.address}/matters?tab=owed&sort=-title&q=照明`);
  await operator.locator('#matters td a').focus();
  await operator.keyboard.press('Enter');
  await operator.waitForURL(new RegExp(path));
  await operator.locator('.ways form button').focus();
  await operator.keyboard.press('Enter');
  await operator.waitForSelector('#sheet >> text=办理中');
  await operator.locator('text=报结').first().focus();
  await operator.keyboard.press('Enter');
  await operator.waitForURL(/do\/submitted/);
  await operator.setInputFiles('#file', picture);
  await operator.locator('.form-actions button').focus();
  await operator.keyboard.press('Enter');
  await operator.waitForURL(new RegExp(`${path}$`));
  assert.match(await operator.textContent('#sheet'), /待审核/);
  const csv = await (await operator.request.get(`${site.address}/matters?tab=owed&export=csv`)).text();
  assert.match(csv, /更换照明灯/);
});

test('every move has a form that everybody can use, and a leader sees what the units owe', async () => {
  const [leader, inspector] = [await visit(site), await visit(site)];
  await signIn(leader, site, 'dezhou.leader');
  await signIn(inspector, site, 'decheng.inspector');
  await leader.goto(`${site.address}/matters/new?book=beiyuan`);
  await show(leader, 'open');
  await leader.setViewportSize(desktop.viewport);
  const path = await assign(leader, '清理消防通道', 1);
  for (const verb of ['returned', 'cancelled', 'handed_over', 'helper_added', 'paused', 'extended', 'excused', 'accepted']) {
    await inspector.goto(`${site.address}${path}/do/${verb}`);
    await judge(inspector, verb);
    await shot(inspector, `matters-do-${verb}-desktop-zh`);
  }
  await leader.goto(`${site.address}/matters?tab=unit`);
  await show(leader, 'inbox-unit');
  await leader.setViewportSize(desktop.viewport);
  await leader.goto(`${site.address}/matters?tab=unit&of=projects.project&colour=red&sort=left`);
  await leader.click('#matters td a');
  await leader.waitForSelector('#history');
  await show(leader, 'sheet-red');
});

test('an administrator says where posts are told, reads the rules, adopts one and loads a year', async () => {
  const admin = await visit(site);
  await signIn(admin, site, 'admin');
  await admin.fill('#old_password', site.accounts.admin);
  await admin.fill('#new_password', 'a long enough phrase');
  await admin.fill('#again', 'a long enough phrase');
  await admin.click('button.primary');
  await admin.waitForURL((url) => url.pathname !== '/account/password');

  await admin.goto(`${site.address}/admin/contacts/new`);
  await admin.selectOption('#post', 'post:beiyuan/operator');
  await admin.selectOption('#channel', 'webhook');
  await admin.fill('#address', 'http://127.0.0.1:9/hooks?token=1');
  await admin.click('.form-actions button');
  await admin.waitForSelector('.wrong');
  await judge(admin, 'a contact that was refused');
  await shot(admin, 'matters-contact-wrong-desktop-zh');
  await admin.fill('#address', 'http://127.0.0.1:9/hooks');
  await admin.click('.form-actions button');
  assert.match(await admin.textContent('.once code'), /^whsec_/);
  await shot(admin, 'matters-contact-secret-desktop-zh');
  await admin.goto(`${site.address}/admin/contacts`);
  await admin.click('#contacts td a');
  await admin.click('text=发送测试通知');
  // A webhook never reaches inside, and the page says so.
  await admin.waitForFunction(() => { if (document.querySelector('#tries')) return true; location.reload(); return false; }, null, { polling: 1_000 });
  assert.match(await admin.textContent('#tries'), /地址不允许访问/);
  await show(admin, 'contact');
  await admin.goto(`${site.address}/admin/contacts`);
  await show(admin, 'contacts');

  await admin.goto(`${site.address}/admin/rules`);
  await show(admin, 'rules');
  await admin.goto(`${site.address}/admin/rules/default`);
  await show(admin, 'rule');
  await admin.goto(`${site.address}/admin/rules/new?from=deadline`);
  const rule = JSON.parse(await admin.inputValue('#rule'));
  await admin.fill('#rule', JSON.stringify({ ...rule, dimensions: [{ ...rule.dimensions[0], input: 'phase_of_the_moon' }] }));
  await admin.click('.form-actions button');
  await admin.waitForSelector('.wrong');
  assert.match(await admin.textContent('.field-error'), /dimensions\[0\]\.input/);
  await judge(admin, 'a rule that was refused');
  await shot(admin, 'matters-rule-wrong-desktop-zh');
  await admin.fill('#rule', JSON.stringify({ ...rule, source: '市政府办公室 2026 年第 1 号通知' }));
  await admin.click('.form-actions button');
  await admin.waitForURL(/rules\/deadline$/);
  assert.match(await admin.textContent('#versions'), /第 1 号通知/);

  await admin.goto(`${site.address}/admin/calendar?year=2021`);
  await show(admin, 'calendar');
  await admin.goto(`${site.address}/admin/calendar/new`);
  const load = async (year) => {
    await admin.setInputFiles('#file', { name: '2031.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(year)) });
    await admin.click('.form-actions button');
  };
  const notice = { year: 2031, papers: ['https://www.gov.cn/2031'], days: [{ name: '元旦', date: '2031-01-01', isOffDay: true }] };
  await load({ ...notice, papers: [] });
  await admin.waitForSelector('.wrong');
  assert.match(await admin.textContent('.field-error'), /papers/);
  await load(notice);
  await admin.waitForURL(/year=2031/);
  assert.match(await admin.textContent('#days'), /元旦/);
  assert.deepEqual(admin.complaints, []);
});
