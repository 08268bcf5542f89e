// Key projects: registered at the desk, reported on from a phone, followed down to who answers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, desktop, inBounds, phone, shot, signIn, small, start, visit } from './site.js';

const BOOK = '/projects/leling-projects';
const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

let site;
let project;
before(async () => {
  site = await start();
  const office = await visit(site, desktop);
  await signIn(office, site, 'leling.projects');
  await office.goto(`${site.address}${BOOK}/record/project`);
  for (const [name, text] of Object.entries({
    title_zh: '示范智能仓储项目', project: 'e2e', industry: 'G59', address: '开发区创新路 1 号', total_fen: '32000',
    builder: '示范仓储公司', planned_start: day(-30), planned_finish: day(-3),
  })) await office.fill(`[name=${name}]`, text);
  await office.selectOption('[name=unit]', { index: 1 });
  await office.selectOption('[name=team]', 'post:leling-zhongdianban/team-001');
  await office.selectOption('[name=office]', 'post:leling-zhongdianban/chief');
  await office.selectOption('[name=phase]', 'started');
  await office.click('.form-actions button');
  await office.waitForURL(/done=\d+/);
  project = `${BOOK}/project/e2e`;
});
after(() => site.stop());

test('a team reports from a phone in three taps, and the next time in two', async () => {
  const page = await visit(site, phone);
  await signIn(page, site, 'leling.team');
  await page.goto(`${site.address}/my/projects`);
  await shot(page, 'projects-my-phone');
  const card = page.locator('.card', { hasText: '示范智能仓储项目' });
  await card.locator('.button').tap();
  await page.locator('.chip', { hasText: '20%' }).tap();
  await shot(page, 'projects-report-phone');
  await page.locator('.send button').tap();
  await page.waitForURL(/my\/projects\?done=\d+/);
  assert.match(await card.locator('.card-value').innerText(), /20%/);
  await card.locator('.button').tap();
  assert.ok(await page.locator('.chip', { hasText: '与上次相同' }).locator('input').isChecked());
  await page.locator('.send button').tap();
  await page.waitForURL(/my\/projects\?done=\d+/);
  assert.deepEqual(page.complaints, []);
});

test('a report works without a script, and a refused one keeps what was typed', async () => {
  const context = await site.browser.newContext({ ...phone, javaScriptEnabled: false });
  const page = await context.newPage();
  await signIn(page, site, 'leling.team');
  await page.goto(`${site.address}${project}/report`);
  await page.fill('[name=other]', '10');
  await page.fill('[name=remaining_days]', '12');
  await page.locator('.send button').click();
  assert.equal(await page.inputValue('[name=remaining_days]'), '12');
  assert.ok(await page.locator('#note-error').isVisible());
  await page.fill('[name=note]', '返工');
  await page.locator('.send button').click();
  await page.waitForURL(/my\/projects\?done=\d+/);
  await context.close();
});

test('a leader opens a red project down to its blocker and the post that answers', async () => {
  const team = await visit(site, phone);
  await signIn(team, site, 'leling.team');
  await team.goto(`${site.address}${BOOK}/record/blocker?project=e2e`);
  await team.fill('[name=title]', '用地手续未办结');
  await team.selectOption('[name=owner]', 'post:leling-ziranju/land');
  await team.fill('[name=due]', day(1));
  await team.locator('.form-actions button').tap();
  await team.waitForURL(/done=\d+/);
  const page = await visit(site, desktop);
  await signIn(page, site, 'dezhou.leader');
  // The clock looks at matters every second.
  for (let tries = 0; tries < 30 && await page.locator('.colours a', { hasText: '红色' }).count() === 0; tries += 1) {
    await page.waitForTimeout(1_000);
    await page.goto(`${site.address}/projects?unit=371481`);
  }
  await page.click('.colours a:has-text("红色")');
  await shot(page, 'projects-red-desktop');
  await page.click('#projects a:has-text("示范智能仓储项目")');
  assert.ok(await page.locator('#colour .reasons li').count() > 1);
  const blocker = page.locator('#blockers tbody tr').first();
  assert.match(await blocker.innerText(), /用地手续未办结[\s\S]*乐陵市用地保障岗/);
  await shot(page, 'projects-project-desktop');
  await blocker.locator('a').first().click();
  await page.waitForSelector('#history');
  assert.match(await page.textContent('#sheet'), /承办岗位\s*乐陵市用地保障岗/);
  assert.match(await page.textContent('#history'), /堵点上报|事项立项/);
});

const PAGES = {
  'dezhou.leader': ['/projects', '/projects?on=2021-10-31&span=year', `${BOOK}?phase=started`],
  'leling.projects': [
    '', '/programmes', '/chains', '/chain/sports', '/permits', '/proxies', '/visits', '/assistance', '/project/p001',
    '/record/project', '/record/plan?project=e2e', '/record/visit', '/record/permit', '/project/e2e',
  ].map((it) => `${BOOK}${it}`),
  'leling.team': ['/my/projects', `${BOOK}/project/e2e/report`, `${BOOK}/record/blocker?project=e2e`],
};

for (const [who, paths] of Object.entries(PAGES)) {
  test(`the pages of ${who} are accessible and in bounds`, async () => {
    const wide = await visit(site, desktop);
    const narrow = await visit(site, small, 'en');
    await signIn(wide, site, who);
    await signIn(narrow, site, who);
    for (const path of paths) {
      const answer = await wide.goto(site.address + path, { waitUntil: 'load' });
      assert.equal(answer.status(), 200, path);
      await accessible(wide, path);
      await narrow.goto(`${site.address}${path}${path.includes('?') ? '&' : '?'}lang=en`, { waitUntil: 'load' });
      await inBounds(narrow, path);
    }
    assert.deepEqual([...wide.complaints, ...narrow.complaints], []);
  });
}
