// Plans: a planner imports a Project file, works back from the deadline, accepts an overlap, and the colour changes.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFileSync } from 'node:fs';
import { accessible, desktop, inBounds, phone, shot, signIn, small, start, visit } from './site.js';

const BOOK = '/projects/leling-projects';
const PLAN = `${BOOK}/project/lianjiexian/plan`;
const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

/** A project of 70 workdays one after the other, from three days ahead, as Microsoft Project writes it. */
function mspdi() {
  const hours = '<WorkingTimes><WorkingTime><FromTime>08:00:00</FromTime><ToTime>12:00:00</ToTime></WorkingTime>'
    + '<WorkingTime><FromTime>13:00:00</FromTime><ToTime>17:00:00</ToTime></WorkingTime></WorkingTimes>';
  const weekday = (it) => `<WeekDay><DayType>${it}</DayType><DayWorking>${it > 1 && it < 7 ? `1</DayWorking>${hours}` : '0</DayWorking>'}</WeekDay>`;
  const work = [['路基工程', 20, '土建'], ['桥涵工程', 30, '土建'], ['路面工程', 20, '路面'], ['通车', 0, '路面']];
  let group = '';
  let uid = 100;
  const tasks = work.map(([name, days, own], at) => {
    const head = own === group ? '' : `<Task><UID>${uid += 1}</UID><Name>${own}</Name><OutlineLevel>1</OutlineLevel><Summary>1</Summary></Task>`;
    group = own;
    const link = at === 0 ? '' : `<PredecessorLink><PredecessorUID>${at}</PredecessorUID><Type>1</Type></PredecessorLink>`;
    return `${head}<Task><UID>${at + 1}</UID><Name>${name}</Name><OutlineLevel>2</OutlineLevel>`
      + `<Duration>PT${days * 8}H0M0S</Duration><DurationFormat>7</DurationFormat><Cost>${days * 10_000_000}</Cost>${link}</Task>`;
  });
  return '<?xml version="1.0" encoding="UTF-8"?><Project xmlns="http://schemas.microsoft.com/project">'
    + `<Title>高铁站连接线总进度计划</Title><StartDate>${day(3)}T08:00:00</StartDate><CalendarUID>1</CalendarUID>`
    + `<Calendars><Calendar><UID>1</UID><Name>五天工作制</Name><WeekDays>${[1, 2, 3, 4, 5, 6, 7].map(weekday).join('')}</WeekDays></Calendar></Calendars>`
    + `<Tasks>${tasks.join('')}</Tasks></Project>`;
}

let site;
let planner;
before(async () => {
  site = await start();
  planner = await visit(site, desktop);
  await signIn(planner, site, 'leling.projects');
  await planner.goto(`${site.address}${BOOK}/record/project`);
  for (const [name, text] of Object.entries({
    title_zh: '高铁站连接线', project: 'lianjiexian', industry: 'E48', address: '站前大道', total_fen: '9000',
    builder: '示范路桥公司', planned_start: day(1), planned_finish: day(90),
  })) await planner.fill(`[name=${name}]`, text);
  await planner.selectOption('[name=unit]', { index: 1 });
  await planner.selectOption('[name=team]', 'post:leling-zhongdianban/team-001');
  await planner.selectOption('[name=office]', 'post:leling-zhongdianban/chief');
  await planner.selectOption('[name=phase]', 'signed');
  await planner.click('.form-actions button');
  await planner.waitForURL(/done=\d+/);
});
after(() => site.stop());

/** The clock looks at matters every second. */
async function coloured(page, word) {
  for (let tries = 0; tries < 30; tries += 1) {
    await page.goto(site.address + PLAN);
    if ((await page.locator('#colour').innerText().catch(() => '')).includes(word)) return;
    await page.waitForTimeout(1_000);
  }
  assert.fail(`the project never turned ${word}`);
}

const send = async (page, file) => {
  await page.goto(`${site.address}${PLAN}/import`);
  await page.setInputFiles('#file', file);
  await page.click('.form-actions button');
  await page.waitForLoadState('load');
};

test('a file with a cycle is refused with its members named, and keeps the project without a plan', async () => {
  await planner.goto(`${site.address}${BOOK}/project/lianjiexian`);
  await planner.click('a:has-text("进度计划")');
  assert.match(await planner.innerText('main'), /尚无进度计划/);
  const table = '编号,名称,工期,紧前工作\nA,路基,5d,C\nB,桥涵,5d,A\nC,路面,很久,B\n';
  await send(planner, { name: '计划.csv', mimeType: 'text/csv', buffer: Buffer.from(table) });
  assert.match(await planner.innerText('[role=alert]'), /第 4 行“工期”：“很久”不是时长/);
  await send(planner, { name: '计划.csv', mimeType: 'text/csv', buffer: Buffer.from(table.replace('很久', '5d')) });
  assert.match(await planner.innerText('[role=alert]'), /互相等待：.*路面.*→.*桥涵|互相等待：.*桥涵.*→.*路面/);
  await shot(planner, 'plan-refused-desktop-zh');
  await planner.goto(site.address + PLAN);
  assert.match(await planner.innerText('main'), /尚无进度计划/);
});

test('a planner imports a Project file, works back from the deadline, accepts an overlap, and the colour changes', async () => {
  await coloured(planner, '蓝');
  await send(planner, { name: '总进度计划.xml', mimeType: 'application/xml', buffer: Buffer.from(mspdi()) });
  assert.match(await planner.innerText('main'), /晚于项目期限完成/);
  assert.equal(await planner.locator('tbody tr').count(), 4);
  await shot(planner, 'plan-preview-desktop-zh');
  await planner.dblclick('button.primary');
  await planner.waitForURL(/plan\?done=\d+/);
  await coloured(planner, '黄');
  assert.match(await planner.innerText('.tiles'), /晚于期限/);
  await shot(planner, 'plan-missed-desktop-zh');

  await planner.fill('#title', '开工前');
  await planner.click('#baselines button');
  await planner.waitForURL(/done=\d+/);
  assert.match(await planner.innerText('#baselines'), /开工前/);

  const latest = () => planner.locator('.tile', { hasText: '最迟开工' }).locator('.tile-value').innerText();
  await planner.check('input[name=backward][value=yes]');
  await planner.click('#deadline button');
  await planner.waitForURL(/done=\d+/);
  assert.ok(await planner.isChecked('input[name=backward][value=yes]'));
  assert.ok(await latest() < day(3), 'to be in time it should have begun before it can');

  assert.match(await planner.innerText('#overlaps'), /单独采纳，即可在/);
  await shot(planner, 'plan-overlaps-desktop-zh');
  await planner.locator('#overlaps button').first().click();
  await planner.waitForURL(/done=\d+/);
  assert.match(await planner.innerText('.tiles'), /期限内/);
  assert.equal(await planner.locator('#overlaps').count(), 0);
  await coloured(planner, '蓝');
  await shot(planner, 'plan-met-desktop-zh');
  await planner.click('#gantt a:has-text("按周")');
  await planner.waitForURL(/zoom=week/);
  await shot(planner, 'plan-week-desktop-zh');
  assert.deepEqual(planner.complaints, []);
});

test('what is exported is the plan, and can be imported again', async () => {
  for (const [format, says] of [['mspdi', /<Project /], ['csv', /编号/], ['ics', /BEGIN:VCALENDAR/], ['oc4ids', /"version": "0.9"/]]) {
    const link = planner.locator('#source a', { hasText: { mspdi: 'Project XML', csv: 'CSV', ics: 'iCalendar', oc4ids: 'OC4IDS' }[format] });
    const [file] = await Promise.all([planner.waitForEvent('download'), link.click()]);
    assert.match(readFileSync(await file.path(), 'utf8'), says);
  }
  const [file] = await Promise.all([planner.waitForEvent('download'), planner.locator('#source a', { hasText: 'XLSX' }).click()]);
  const buffer = readFileSync(await file.path());
  await send(planner, { name: 'plan.xlsx', mimeType: 'application/octet-stream', buffer });
  assert.equal(await planner.locator('tbody tr').count(), 4);
});

test('a team reads the plan on its phone, the chart scrolling in its own box, in both languages', async () => {
  const team = await visit(site, phone, 'en');
  await signIn(team, site, 'leling.team');
  for (const lang of ['zh-CN', 'en']) {
    await team.goto(`${site.address}${PLAN}?lang=${lang}`);
    await inBounds(team, 'the plan');
    const box = await team.locator('.gantt').evaluate((it) => it.scrollWidth > it.clientWidth);
    assert.ok(box, 'the chart scrolls');
    await shot(team, `plan-phone-${lang === 'en' ? 'en' : 'zh'}`);
  }
  const narrow = await visit(site, small, 'en');
  const wide = await visit(site, desktop, 'en');
  await signIn(narrow, site, 'leling.projects');
  await signIn(wide, site, 'leling.projects');
  for (const path of [PLAN, `${PLAN}/import`, `${PLAN}?zoom=week`]) {
    await narrow.goto(`${site.address}${path}${path.includes('?') ? '&' : '?'}lang=en`);
    await inBounds(narrow, path);
    await wide.goto(`${site.address}${path}${path.includes('?') ? '&' : '?'}lang=en`);
    await accessible(wide, path);
  }
  await wide.goto(`${site.address}${PLAN}?lang=en`);
  await shot(wide, 'plan-desktop-en');
  assert.deepEqual([...team.complaints, ...narrow.complaints, ...wide.complaints], []);
});
