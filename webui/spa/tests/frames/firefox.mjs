/**
 * Shows letters in Firefox and writes what must not have happened, as JSON:
 * `node firefox.mjs <executable> <origin> <proxy port> <letters.json> <what-stays.js>`.
 */
import { readFileSync } from 'node:fs';
import puppeteer from 'puppeteer-core';

const [executablePath, origin, proxy, letters, whatStays] = process.argv.slice(2);

const browser = await puppeteer.launch({
  browser: 'firefox',
  executablePath,
  headless: true,
  extraPrefsFirefox: {
    'network.proxy.type': 1,
    'network.proxy.http': '127.0.0.1',
    'network.proxy.http_port': Number(proxy),
    'network.proxy.ssl': '127.0.0.1',
    'network.proxy.ssl_port': Number(proxy),
    'network.dns.disablePrefetch': false,
    'network.prefetch-next': true,
  },
});
const page = await browser.newPage();
const seen = [];
await page.exposeFunction('zegelCanary', (said) => seen.push(`a script ran: ${said}`));
await page.evaluateOnNewDocument(() => {
  globalThis.canary = (...said) => {
    globalThis.zegelCanary?.(String(said));
    parent.postMessage({ canary: String(said) }, '*');
  };
  globalThis.violations = [];
  addEventListener('securitypolicyviolation', (event) => {
    if (event.effectiveDirective !== 'script-src-attr') {
      globalThis.violations.push(`${event.effectiveDirective} ${event.blockedURI}`);
    }
  });
  addEventListener('message', (event) => event.data?.canary && globalThis.zegelCanary?.(event.data.canary));
});
page.on('pageerror', (error) => seen.push(`an error: ${error.message}`));
await page.goto(`${origin}/`);
await page.waitForSelector('body[data-ready]');

const frameOf = (name) => page.frames().find((frame) => frame.url().includes(`/${name}.html`));
const check = new Function(`return (${whatStays && readFileSync(whatStays, 'utf8').replace(/;\s*$/, '')})`)();

const wrong = {};
const texts = {};
for (const [name, parts] of Object.entries(JSON.parse(readFileSync(letters, 'utf8')))) {
  for (const html of parts) {
    await page.evaluate((text) => globalThis.zegel.show(text).then(() => undefined), html);
    await page.evaluate(() => new Promise((done) => setTimeout(done, 40)));
    const frame = frameOf('frame');
    const found = frame ? await frame.evaluate(check) : ['the frame is gone'];
    found.push(...(frame ? await frame.evaluate(() => globalThis.violations.splice(0)) : []));
    if (page.frames().length !== 2) found.push(`there are ${page.frames().length} frames`);
    if (page.url() !== `${origin}/`) found.push(`the app went to ${page.url()}`);
    if ((await browser.pages()).length > 2) found.push('another window opened');
    const height = await page.$eval('iframe', (each) => each.clientHeight);
    if (!(height > 0 && height <= 20_000)) found.push(`the frame is ${height} high`);
    found.push(...seen.splice(0));
    if (found.length) wrong[name] = found;
    texts[name] = (texts[name] ?? '') + (await frame.evaluate(() => document.getElementById('sheet').textContent));
  }
}

// The field in which letters are written, and what is quoted there.
const written = {};
for (const [name, draft] of Object.entries({
  typed: { signature: '<p>Anna</p>', quote: null },
  quoted: {
    signature: '',
    quote: {
      intro: 'Bo wrote:',
      html: '<style>.a{color:red}</style><table class=a><tr><td>cell</table><script>canary("quote")</script><img src=x onerror=canary("quote")>',
      indent: true,
    },
  },
})) {
  await page.evaluate((next) => globalThis.zegel.edit(next), draft);
  await page.evaluate(() => globalThis.zegel.focus());
  await page.evaluate(() => new Promise((done) => setTimeout(done, 100)));
  await page.keyboard.type('Hello');
  await page.keyboard.press('Enter');
  await page.keyboard.type('there');
  await page.evaluate(() => globalThis.zegel.run('undo'));
  await page.evaluate(() => globalThis.zegel.run('redo'));
  written[name] = await page.evaluate(() => globalThis.zegel.read());
}
if (seen.length) wrong.editor = seen;
const sealed = await frameOf('frame').evaluate(() => {
  const failing = (act) => {
    try {
      act();
      return 'allowed';
    } catch (error) {
      return error.name;
    }
  };
  return [origin, failing(() => document.cookie), failing(() => localStorage.length), failing(() => parent.document)];
});
// What is looked for would be seen.
await frameOf('frame').evaluate(() => {
  canary('control');
  new Image().src = 'https://outside.example/control.png';
});
await page.evaluate(() => new Promise((done) => setTimeout(done, 200)));
const control = [...seen, ...(await frameOf('frame').evaluate(() => globalThis.violations))];
await browser.close();
process.stdout.write(JSON.stringify({ wrong, texts, written, sealed, control }));
