// Every kind of poll in every state and look: readers' own widget, which is answered in this page.
//
// Its polls are `gallery.KIND.STATE.LOOK`; what they say comes from `/gallery/LANG.json`, one answer for each
// language. Votes that were cast are put where the widget keeps them; nothing is sent to the service.

/** @typedef {Record<string, any>} Json */

const KINDS = {
  single: 'One answer', multiple: 'Several answers', rating: 'Rating', ranked: 'Ranking', reaction: 'Reaction',
  images: 'Images', 'write-in': 'An answer of one’s own',
};
const STATES = {
  form: ['Form', ''],
  refused: ['Filled in', 'and refused'],
  voted: ['Result', 'after the vote'],
  change: ['Result', 'where the vote can be changed'],
  held: ['Held', 'for review'],
  scheduled: ['Scheduled', 'with the time that is left'],
  closed: ['Closed', ''],
  'after-vote': ['Hidden', 'until the vote'],
  'after-close': ['Hidden', 'until the close, after the vote'],
  few: ['Few voters', 'no percentages yet'],
  busy: ['Busy', 'the vote waits'],
  offline: ['Offline', 'the vote waits'],
  'read-only': ['Read-only', 'on a foreign page'],
};
const LOOKS = {
  light: 'Light', dark: 'Dark', plain: 'Plain', compact: 'Compact', own: 'A site’s own colours', rtl: 'Arabic, right to left',
};
const LANGS = {
  ar: 'العربية', bn: 'বাংলা', de: 'Deutsch', en: 'English', es: 'Español', fa: 'فارسی', fr: 'Français', he: 'עברית',
  id: 'Indonesia', ms: 'Melayu', tr: 'Türkçe', ur: 'اردو',
};
const RIGHT_TO_LEFT = ['ar', 'fa', 'he', 'ur'];

// ---- the bar

const form = /** @type {HTMLFormElement} */ (document.querySelector('.bar form'));
const asked = new URLSearchParams(location.search);

/** Fills a choice, and sets it as the address says. @param {string} name @param {Json} [values] @param {string} [chosen] */
const choice = (name, values = {}, chosen = '') => {
  const select = /** @type {HTMLSelectElement} */ (form.elements.namedItem(name));
  for (const [value, text] of Object.entries(values)) select.add(new Option(text, value));
  const wanted = asked.get(name) ?? chosen;
  if ([...select.options].some(({value}) => value === wanted)) select.value = wanted;
  return select.value;
};
choice('kind', KINDS);
choice('look', LOOKS);
const shown = {
  width: choice('width', {}, '320'), lang: choice('lang', LANGS, 'en'), text: choice('text', {}, '100'), dir: choice('dir'),
};

/** What the address names, once or several times, of what there is; all, where it names nothing.
 * @param {string} name @param {Json} all */
const named = (name, all) => {
  const some = Object.keys(all).filter((key) => asked.getAll(name).includes(key));
  return some.length ? some : Object.keys(all);
};
const kinds = named('kind', KINDS), looks = named('look', LOOKS);
form.addEventListener('change', () => form.requestSubmit());

// ---- what the widget asks for

/** @type {Map<string, Promise<Json>>} */
const loaded = new Map();
const real = window.fetch;

/** The polls and votes in a language. @param {string} lang */
const load = (lang) => {
  const known = lang in LANGS ? lang : 'en';
  const answer = loaded.get(known) ?? real.call(window, `/gallery/${known}.json`).then((reply) => reply.json());
  loaded.set(known, answer);
  return answer;
};

/** @param {unknown} value @param {number} [status] @param {Record<string, string>} [headers] */
const answer = (value, status = 200, headers = {}) =>
  new Response(JSON.stringify(value), {status, headers: {'Content-Type': 'application/json', ...headers}});

/** A poll of the gallery as the widget is sent it. @param {string} id @param {string} lang */
const pollOf = async (id, lang) => {
  const [, kind, state] = id.split('.'), poll = (await load(lang)).polls[`${kind}-${state}`];
  const strings = shown.dir ? {...poll.strings, dir: shown.dir} : poll.strings;
  return {...poll, id, strings, origins: state === 'read-only' ? [] : [location.origin]};
};

/** @param {string} id @param {unknown} body */
const voteIn = async (id, body) => {
  const state = id.split('.')[2];
  if (state === 'offline') throw new TypeError('offline');
  if (state === 'busy') return answer({code: 'busy'}, 503, {'Retry-After': '3600'});
  if (state === 'refused') return answer({code: 'invalid_selection'}, 422);
  const {selection} = /** @type {{selection: number[]}} */ (JSON.parse(String(body)));
  const {voted} = await pollOf(id, shown.lang), receipt = {poll: id, id: 'gallery', issued_at: '', signature: ''};
  return answer({receipt, reader: 'gallery', status: 'counted', selection, results: voted, results_url: null}, 201);
};

window.fetch = async (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input, document.baseURI);
  const voted = /\/polls\/(gallery\.[^/]+)\/votes$/.exec(url.pathname);
  if (voted) return voteIn(voted[1], init?.body);
  const ids = url.searchParams.getAll('id').filter((id) => id.startsWith('gallery.'));
  if (!ids.length) return real.call(window, input, init);
  return answer({polls: await Promise.all(ids.map((id) => pollOf(id, url.searchParams.get('lang') ?? '')))});
};
window.EventSource = /** @type {any} */ (class {
  readyState = 1;
  onerror = null;
  /** @param {string} url */
  constructor(url) { this.url = url; }
  addEventListener() {}
  close() {}
});
const media = window.matchMedia;  // polls that unfold one after the other would take minutes
window.matchMedia = (query) =>
  query === '(prefers-reduced-motion)' ? /** @type {any} */ ({matches: true}) : media.call(window, query);
const later = window.setTimeout;  // votes that wait keep waiting, so that what their polls say of it stays
window.setTimeout = /** @type {any} */ ((/** @type {() => void} */ act, ms = 0, /** @type {unknown[]} */ ...given) =>
  later(act, ms < 900 ? ms : 2 ** 31 - 1, ...given));

// ---- the reader

const script = /** @type {HTMLScriptElement} */ (document.querySelector('script[src*="/w/1."]'));

/** Puts the votes of the gallery's reader where the widget looks for them. */
const remember = async () => {
  /** @type {Json} */
  const votes = {}, given = (await load(shown.lang)).votes;
  for (const [place, vote] of Object.entries(given)) {
    const kind = Object.keys(KINDS).find((one) => place.startsWith(`${one}-`)) ?? '';
    const state = place.slice(kind.length + 1);
    for (const look of looks) {
      votes[`gallery.${kind}.${state}.${look}`] = {...vote, receipt: {poll: place, id: 'gallery'}};
    }
  }
  localStorage[`pollsvc ${new URL(script.src).origin} gallery`] = JSON.stringify({reader: 'gallery', votes});
};

/** Does as a reader would, without moving the focus of whoever looks on. @param {() => void} action */
const quietly = (action) => {
  const {focus} = HTMLElement.prototype;
  HTMLElement.prototype.focus = () => {};
  try {
    action();
  } finally {
    HTMLElement.prototype.focus = focus;
  }
};

/** Fills a poll in; where it is to be refused, with what the widget itself can find fault with.
 * @param {ShadowRoot} root @param {string} kind @param {boolean} wrong */
const fill = (root, kind, wrong) => {
  const items = [...root.querySelectorAll('li')];
  /** @param {number[]} places */
  const pick = (...places) => {
    for (const place of places) items[place]?.querySelector('input')?.click();
  };
  if (kind === 'ranked') {
    for (const item of [items[2], items[0]]) {
      /** @type {HTMLElement | null} */ (item.querySelector('.tools button:not([hidden])'))?.click();
    }
  } else if (kind === 'multiple') pick(...wrong ? [0, 2, 3] : [0, 2]);
  else if (kind === 'write-in' && wrong) pick(items.length - 2);
  else pick(1);
};

document.addEventListener('pollsvc:ready', (event) => {
  const host = /** @type {HTMLElement} */ (event.target), [, kind, state] = (host.getAttribute('poll') ?? '').split('.');
  if (!['refused', 'busy', 'offline'].includes(state)) return;
  setTimeout(() => quietly(() => {
    const root = /** @type {ShadowRoot} */ (host.shadowRoot);
    fill(root, kind, state === 'refused');
    /** @type {HTMLElement | null} */ (root.querySelector('[part=vote]'))?.click();
  }));
});

// ---- the grid

/** @param {string} tag @param {Json} [props] @param {(Node | string)[]} children */
const h = (tag, props = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
};

/** @param {string} kind @param {string} state @param {string} look */
const cell = (kind, state, look) => {
  const lang = look === 'rtl' ? 'ar' : shown.lang, dir = shown.dir || (RIGHT_TO_LEFT.includes(lang) ? 'rtl' : 'ltr');
  const poll = h('pollsvc-poll');
  poll.setAttribute('poll', `gallery.${kind}.${state}.${look}`);
  if (look === 'plain' || look === 'compact') poll.setAttribute('preset', look);
  return h('td', {}, h('div', {className: `look ${look} width-${shown.width} text-${shown.text}`, lang, dir}, poll));
};

const table = () => {
  const heads = looks.map((look) => h('th', {scope: 'col'}, /** @type {Json} */ (LOOKS)[look]));
  const made = h('table', {}, h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, 'State'), ...heads)));
  if (looks.length === 1) made.className = 'flow';
  for (const kind of kinds) {
    const name = h('th', {scope: 'rowgroup', colSpan: looks.length + 1}, h('span', {}, /** @type {Json} */ (KINDS)[kind]));
    const rows = Object.entries(STATES).map(([state, [title, more]]) => {
      const head = h('th', {scope: 'row'}, title, ...more ? [h('small', {}, more)] : []);
      return h('tr', {}, head, ...looks.map((look) => cell(kind, state, look)));
    });
    made.append(h('tbody', {}, h('tr', {className: 'kind'}, name), ...rows));
  }
  return made;
};

await remember();
document.querySelector('main')?.append(table());

export {};  // so that this is a module to tools too
