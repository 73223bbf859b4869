/**
 * Run in the frame of a letter: returns whatever must not be there. It knows nothing of how letters
 * are cleaned; these lists are written down a second time on purpose.
 */
() => {
  const TAGS = new Set(
    (
      'A ABBR ACRONYM ADDRESS AREA ARTICLE ASIDE B BDI BDO BIG BLOCKQUOTE BR CAPTION CENTER CITE CODE COL ' +
      'COLGROUP DD DEL DETAILS DFN DIR DIV DL DT EM FIGCAPTION FIGURE FONT FOOTER H1 H2 H3 H4 H5 H6 HEADER ' +
      'HGROUP HR I IMG INS KBD LI MAIN MAP MARK MENU NAV NOBR OL P PRE Q RP RT RUBY S SAMP SECTION SMALL ' +
      'SPAN STRIKE STRONG SUB SUMMARY SUP TABLE TBODY TD TFOOT TH THEAD TIME TR TT U UL VAR WBR'
    ).split(' '),
  );
  const NAMES = new Set(
    (
      'abbr align alt bgcolor border cellpadding cellspacing class clear color cols colspan compact coords dir ' +
      'face height hidden href hspace id lang name noshade nowrap open rel reversed role rows rowspan rules scope ' +
      'shape size span src start style tabindex target text title type usemap valign value vspace width'
    ).split(' '),
  );
  const VALUES = {
    href: /^(https?:\/\/|mailto:|tel:|#m-)/,
    src: /^(blob:null\/|data:image\/(png|jpe?g|gif|webp|avif|bmp);base64,)/,
    id: /^m-/,
    name: /^m-/,
    usemap: /^#m-/,
    role: /^(presentation|none|link)$/,
    target: /^_blank$/,
    rel: /^noopener noreferrer$/,
  };
  const STYLE = /url|image-set|var\(|(^|[;{\s])position:|content:|animation|expression|behavio|binding|@|<|\d[sld]?v(h|min|max)\b/i;
  const SHEET = /url\(|image-set|@(?!media)|[;{\s]position:|expression|var\(|content:|<|--/i;

  const found = [];
  const sheet = document.getElementById('sheet');
  for (const element of sheet.querySelectorAll('*')) {
    if (!TAGS.has(element.tagName)) found.push(`element ${element.tagName}`);
    if (element.shadowRoot) found.push('a shadow tree');
    for (const { name, value } of element.attributes) {
      if (!NAMES.has(name)) found.push(`attribute ${name}`);
      if (VALUES[name] && !VALUES[name].test(value)) found.push(`${name}=${value.slice(0, 200)}`);
      if (name === 'style' && STYLE.test(value)) found.push(`style=${value.slice(0, 200)}`);
    }
    if (/^http/.test(element.getAttribute('href') ?? '') && element.rel !== 'noopener noreferrer') {
      found.push(`a link without its rel: ${element.href}`);
    }
  }
  const css = document.getElementById('letter').textContent;
  if (SHEET.test(css)) found.push(`css ${css.slice(0, 200)}`);
  if (document.querySelectorAll('#sheet, #letter').length !== 2) found.push('our own names were taken');
  return found;
};
