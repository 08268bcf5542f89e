// A permit's clock: filed at the desk, yellow before its last day, red after it, escalated, and told on every page.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, desktop, phone, shot, signIn, start, visit } from './site.js';

const BOOK = '/projects/jingkai-projects';
const TITLE = '临时用电许可';

let site;
before(async () => { site = await start({ clock: true }); });
after(() => site.stop());

/** A person who signs in, as after every leap of the clock that is longer than a session. */
async function person(account, options = desktop) {
  const page = await visit(site, options);
  await signIn(page, site, account);
  return page;
}

/** Loads a page until the ledger's clock has done what the moment asks. */
async function until(page, path, selector, pattern) {
  let text = '';
  for (let tries = 0; tries < 30; tries += 1) {
    await page.goto(site.address + path);
    text = await page.locator(selector).first().innerText();
    if (pattern.test(text)) return text;
    await page.waitForTimeout(1_000);
  }
  return assert.match(text, pattern);
}

const daysTo = (day, from) => Math.round((Date.parse(day) - Date.parse(from)) / 86_400_000);

test('a permit turns yellow, then red, and is escalated as the clock moves', async () => {
  let desk = await person('jingkai.permits');
  await desk.goto(`${site.address}${BOOK}/record/permit`);
  await desk.selectOption('[name=project]', { index: 1 });
  await desk.fill('[name=title]', TITLE);
  await desk.selectOption('[name=bureau]', 'post:jingkai-zhongdianban/permits');
  await desk.selectOption('[name=agent]', 'post:jingkai-zhongdianban/team');
  await desk.fill('[name=term_workdays]', '5');
  await desk.click('.form-actions button');
  await desk.waitForURL(/done=\d+/);
  const row = `#permits tr:has-text("${TITLE}")`;
  const filed = await until(desk, `${BOOK}/permits`, row, /蓝/);
  const [applied, due] = filed.match(/\d{4}-\d\d-\d\d/g);
  const sheet = await desk.getAttribute(`${row} a[href^="/matters/"]`, 'href');
  const last = daysTo(due, applied);
  assert.ok(last >= 5, `five workdays after ${applied} is ${due}`);

  // The last day of the term.
  await site.setClock(last);
  desk = await person('jingkai.permits');
  await until(desk, `${BOOK}/permits`, row, /黄/);
  await until(desk, sheet, '#history', /由蓝转黄/);
  await shot(desk, 'permit-yellow-desktop-zh');

  // The day after it: nobody asked for the page, and yet it is red since midnight.
  await site.setClock(last + 1);
  desk = await person('jingkai.permits');
  await until(desk, `${BOOK}/permits`, row, /红/);
  const history = await until(desk, sheet, '#history', /由黄转红/);
  assert.match(history, /逾期 1 天/);
  await shot(desk, 'permit-red-desktop-zh');

  // Two weeks later every step of the ladder has fired, each once and with its own day.
  await site.setClock(last + 14);
  const leader = await person('dezhou.leader');
  await until(leader, sheet, '.rungs', /(已于[^]*){3}/);
  const told = await leader.locator('#history li').allInnerTexts();
  assert.deepEqual([1, 2, 3].map((level) => told.filter((it) => it.includes(`第 ${level} 级`)).length), [1, 1, 1]);
  // What it is about leads to the project that waits for it.
  const project = leader.locator('#sheet a[href^="/projects/jingkai-projects/project/"]');
  assert.match(await project.innerText(), /（示范）/);
  await accessible(leader, 'an escalated permit');
  await shot(leader, 'permit-escalated-desktop-zh');
  await leader.goto(`${site.address}/matters?tab=unit&colour=red`);
  assert.match(await leader.textContent('#matters'), new RegExp(TITLE));

  // Whoever decides it finds it among what is owed; who asked for it says that it has come, and that ends it.
  desk = await person('jingkai.permits', phone);
  await desk.goto(`${site.address}/matters?tab=owed`);
  assert.match(await desk.textContent('#matters'), new RegExp(TITLE));
  await shot(desk, 'permit-inbox-phone-zh');
  await desk.goto(`${site.address}${BOOK}/record/permit-decided`);
  const permit = await desk.locator('[name=permit] option', { hasText: TITLE }).getAttribute('value');
  await desk.selectOption('[name=permit]', permit);
  await desk.selectOption('[name=granted]', { index: 1 });
  await desk.fill('[name=number]', 'LS-2026-001');
  await desk.setInputFiles('[type=file]', { name: '许可证.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4\n%%EOF\n') });
  await desk.locator('.form-actions button').tap();
  await desk.waitForURL(/done=\d+/);
  await until(leader, sheet, '#sheet', /待审核/);
  const team = await person('jingkai.team', phone);
  await team.goto(site.address + sheet);
  await team.locator('.ways form button', { hasText: '审核通过' }).tap();
  await team.waitForSelector('text=逾期办结');
  for (const page of [desk, leader, team]) assert.deepEqual(page.complaints, []);
});
