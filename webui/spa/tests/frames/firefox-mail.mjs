/**
 * Signs in, reads, answers and writes in Firefox, by the keyboard, and writes what it saw, as JSON:
 * `node firefox-mail.mjs <executable> <origin> <address> <password> <to>`.
 */
import puppeteer from 'puppeteer-core';

const [executablePath, origin, address, password, to] = process.argv.slice(2);
const PATIENCE = 30_000;

const browser = await puppeteer.launch({
  browser: 'firefox',
  executablePath,
  headless: true,
  acceptInsecureCerts: true,
});
const page = await browser.newPage();
await page.setViewport({ width: 1366, height: 768 });
const wrong = [];
page.on('pageerror', (error) => wrong.push(`an error: ${error.message}`));
page.on('request', (request) => {
  if (!/^(?:blob|data|about):/.test(request.url()) && !request.url().startsWith(`${origin}/`)) {
    wrong.push(`asked elsewhere: ${request.url()}`);
  }
});

/** Waits until `what` holds in the page; else says what the page shows instead. */
async function until(what, ...given) {
  try {
    await page.waitForFunction(what, { timeout: PATIENCE }, ...given);
  } catch (error) {
    const shown = await page.evaluate(() => `${document.activeElement?.outerHTML.slice(0, 300)}\n${document.body.innerText}`);
    throw new Error(`${error.message} ${what}\n${shown}`, { cause: error });
  }
}
const focused = (selector) => until((wanted) => document.activeElement?.matches(wanted), selector);
const row = (text) =>
  until((wanted) => [...document.querySelectorAll('[role=row]')].some((each) => each.textContent.includes(wanted)), text);
const panel = (isOpen) =>
  until((wanted) => (document.querySelector('[role=dialog] :is(iframe, textarea)') !== null) === wanted, isOpen);
const editing = () => until(() => document.activeElement?.matches('iframe, textarea'));

/** Presses Tab until what has the focus is called so. */
async function tabTo(name) {
  for (let tabs = 0; tabs < 30; tabs += 1) {
    const label = await page.evaluate(() => {
      const at = document.activeElement;
      return at?.getAttribute('aria-label') || at?.title || at?.labels?.[0]?.textContent || '';
    });
    if (label.includes(name)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not reach ${name}`);
}

async function send() {
  await page.keyboard.down('Control');
  await page.keyboard.press('Enter');
  await page.keyboard.up('Control');
  await panel(false);
}

await page.goto(`${origin}/`);
await focused('input[type=email], input[autocomplete*=username]');
await page.keyboard.type(address);
await page.keyboard.press('Enter');
await focused('input[type=password]');
await page.keyboard.type(password);
await page.keyboard.press('Enter');
await row('High water');

// Above it may stand the notice that a new device signed in.
for (let rows = 0; rows < 5; rows += 1) {
  await page.keyboard.press('j');
  if (await page.evaluate(() => document.activeElement?.textContent.includes('High water'))) break;
}
await page.keyboard.press('Enter');
await until(() => [...document.querySelectorAll('article, [role=article]')].some((each) => each.textContent.includes('The gauge stands')));

await page.keyboard.press('r');
await panel(true);
await editing();
await page.keyboard.type('Thank you.');
await send();

await page.keyboard.press('c');
await panel(true);
await page.keyboard.type(`${to},`);
await tabTo('Subject');
await page.keyboard.type('From Firefox');
await tabTo('Text of the message');
await page.keyboard.type('Written here.');
await send();

await page.keyboard.press('g');
await page.keyboard.press('t');
await row('From Firefox');
await row('Re: High water');
const subjects = await page.$$eval('[role=row]', (rows) => rows.map((each) => each.textContent.trim()));
await browser.close();
process.stdout.write(JSON.stringify({ wrong, subjects }));
