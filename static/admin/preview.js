// The live preview of a poll's form: readers' own widget, fed with what is being typed. Nothing in it leaves
// the page but the form itself, to be checked; votes are answered here. Images are sent as soon as they are
// chosen, and the form only when the service is there to take it.

/** @typedef {{id: number, count: number}} Count */
/** @typedef {{version: number, voters: number, picks: number, held: number, excluded: number,
 *   options: Count[]}} Results */
/** @typedef {{id: string, now?: string, kind: string, percent_from: number, results: Results | null,
 *   voted: Results | null}} Poll */

const form = document.querySelector('form[data-poll-form]');
const pane = document.getElementById('preview');
const note = document.getElementById('preview-note');

/** Ids of this page's previews begin so: another page's are others. */
const prefix = 'preview' + crypto.getRandomValues(new Uint32Array(1))[0] + 'x';
/** @type {Map<string, Poll>} */
const polls = new Map();
let [serial, version, shown] = [0, 1, ''];

// ---- what the widget asks for

/** @param {unknown} value @param {number} [status] */
const answer = (value, status = 200) =>
  new Response(JSON.stringify(value), {status, headers: {'Content-Type': 'application/json'}});

/** Results as they might be, with one's own vote.
 * @param {Poll} poll @param {Results} zero @param {number[]} selection */
const madeUp = (poll, zero, selection) => {
  const total = Math.max(1000, poll.percent_from) - 1, many = poll.kind === 'multiple';
  const size = zero.options.length;
  const weights = zero.options.map((_, index) => size + 1 - index), sum = weights.reduce((a, b) => a + b, 0);
  const share = many ? total * 0.75 / (size + 1) : total / sum;
  const counts = weights.map((weight) => Math.floor(weight * share));
  if (!many && size) counts[0] += total - counts.reduce((a, b) => a + b, 0);
  const mine = (/** @type {number} */ id) => Number(selection.includes(id));
  const options = zero.options.map(({id}, index) => ({id, count: counts[index] + mine(id)}));
  const picks = options.reduce((all, {count}) => all + count, 0);
  return {...zero, version: ++version, voters: total + 1, picks, options};
};

/** @param {Poll} poll @param {unknown} body */
const voteIn = (poll, body) => {
  const {selection: sent} = /** @type {{selection: (number | string)[]}} */ (JSON.parse(String(body)));
  const selection = sent.map((pick) => typeof pick === 'number' ? pick : 0);  // 0: another answer
  const withdrawn = poll.results && {...poll.results, version: ++version};
  const results = selection.length ? poll.voted && madeUp(poll, poll.voted, selection) : withdrawn;
  const receipt = {poll: poll.id, id: 'preview', issued_at: new Date().toISOString(), signature: 'preview'};
  return answer({receipt, reader: 'preview', status: 'counted', selection, results, results_url: null}, 201);
};

const {fetch: real, matchMedia: media} = window;
window.fetch = async (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input, document.baseURI);
  const voted = polls.get(/\/polls\/(preview[^/]*)\/votes$/.exec(url.pathname)?.[1] ?? '');
  if (voted) return voteIn(voted, init?.body);
  const asked = url.searchParams.getAll('id').map((id) => polls.get(id)).filter((poll) => poll);
  if (url.pathname.endsWith('/api/v1/polls') && asked.length) {
    return answer({polls: asked.map((poll) => ({...poll, now: new Date().toISOString()}))});
  }
  return real.call(window, input, init);
};
window.EventSource = /** @type {any} */ (class {
  readyState = 1;
  onerror = null;
  /** @param {string} url */
  constructor(url) { this.url = url; }
  addEventListener() {}
  close() {}
});
// What changes with each letter must not unfold anew each time.
window.matchMedia = (query) =>
  query === '(prefers-reduced-motion)' ? /** @type {any} */ ({matches: true}) : media.call(window, query);

try {  // votes in earlier previews
  for (const key of Object.keys(localStorage)) {
    if (/^pollsvc .* preview$/.test(key)) localStorage.removeItem(key);
  }
} catch {}

// ---- showing it

/** @param {string} text */
const tell = (text) => {
  if (note && note.textContent !== text) note.textContent = text;
  pane?.classList.toggle('stale', text !== '');
};

/** All widgets in the pane but one. @param {Element} [but] */
const dismiss = (but) => {
  for (const widget of pane?.querySelectorAll('pollsvc-poll') ?? []) if (widget !== but) widget.remove();
};

/** The widget with a poll takes the place of what is shown, once it is whole. @param {string} json */
const mount = (json) => {
  const poll = /** @type {Poll} */ (JSON.parse(json)), id = prefix + ++serial;
  polls.set(id, {...poll, id});
  for (const coming of pane?.querySelectorAll('.coming') ?? []) coming.remove();
  const next = document.createElement('pollsvc-poll');
  next.className = 'coming';
  next.setAttribute('poll', id);
  next.addEventListener('pollsvc:ready', () => {
    next.className = '';
    dismiss(next);
    for (const page of pane?.querySelectorAll('.preview-page') ?? []) page.setAttribute('hidden', '');
  }, {once: true});
  pane?.prepend(next);  // where it is seen: a widget waits until then
};

/** What the server made of the form. @param {ParentNode} root @param {boolean} first */
const show = (root, first) => {
  const problem = root.querySelector('.preview-problem'), page = root.querySelector('.preview-page');
  if (problem) return first || tell(`Not shown yet: ${problem.textContent}`);
  if (!(page instanceof HTMLElement)) return;
  tell('');
  const json = page.dataset.widget ?? '', content = JSON.stringify({...JSON.parse(json), now: ''});
  if (content === shown) return;
  shown = content;
  mount(json);
};

/** What the service answers; rejected with the status, 0 for none.
 * @param {string} url @param {URLSearchParams | FormData} body @returns {Promise<HTMLElement>} */
const load = (url, body) => new Promise((done, fail) => {
  const request = new XMLHttpRequest();
  request.open('POST', url);
  request.responseType = 'document';
  request.timeout = 60_000;
  request.onload = () => {
    if (request.status === 200 && request.responseXML) done(request.responseXML.body);
    else fail(request.status);
  };
  request.onerror = request.ontimeout = () => fail(0);
  request.send(body);
});

if (form instanceof HTMLFormElement && pane) {
  let [timer, latest] = [0, 0];
  const check = () => {
    const fields = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (typeof value === 'string' && name !== 'base') fields.append(name, value);
    }
    return load(form.dataset.previewUrl ?? '', fields);
  };
  /** @param {unknown} status */
  const trouble = (status) =>
    status === 401 ? 'You are signed out: sign in in another tab first.' : 'The service does not answer.';
  const refresh = async () => {
    const mine = ++latest;
    try {
      const fresh = await check();
      if (mine === latest) show(fresh, false);
    } catch (status) {
      if (mine === latest) tell(trouble(status));
    }
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, 200);
  };
  document.addEventListener('input', ({target}) => {  // the choice of the preview's language stands outside
    const inside = target instanceof Node && form.contains(target);
    if (inside || (target instanceof HTMLInputElement && target.form === form)) later();
  });
  show(pane, true);

  // ---- the form leaves this page only for a service that takes it: an error page would lose what was typed

  const bar = form.querySelector('.form-actions'), warning = document.createElement('p');
  let sending = false;
  warning.className = 'error';
  warning.setAttribute('role', 'alert');
  document.addEventListener('submit', async (event) => {
    if (event.target !== form || event.defaultPrevented) return;  // admin.js asks something first
    event.preventDefault();
    if (sending) return;
    sending = true;
    warning.remove();
    const {submitter} = event;
    const pressed = submitter instanceof HTMLButtonElement ? submitter : form.querySelector('button');
    try {
      await check();
      const button = document.createElement('input');
      [button.type, button.name, button.value] = ['hidden', 'do', pressed?.value ?? ''];
      form.append(button);
      form.submit();
      setTimeout(() => {  // still here: the answer was none
        button.remove();
        sending = false;
      }, 10_000);
    } catch (status) {
      sending = false;
      warning.textContent = `Nothing is saved, and nothing is lost. ${trouble(status)}`;
      bar?.append(warning);
      form.dispatchEvent(new Event('input', {bubbles: true}));  // there is still something to lose
    }
  });

  // ---- the first language sets the direction of its fields

  const first = form.querySelector('[data-first-language]');
  const fields = [form, ...[...form.querySelectorAll('template')].map((template) => template.content)];
  if (first instanceof HTMLSelectElement) first.addEventListener('change', () => {
    const chosen = first.selectedOptions[0];
    for (const root of fields) {
      for (const field of root.querySelectorAll('[data-place="0"]')) {
        field.setAttribute('lang', first.value);
        field.setAttribute('dir', chosen.dataset.dir ?? 'auto');
      }
      for (const name of root.querySelectorAll('[data-lang-name="0"]')) {
        name.textContent = chosen.text.split(' · ')[0];
      }
    }
  });

  // ---- images

  /** What was wrong with a file. @param {HTMLInputElement} input @param {string} text */
  const complain = (input, text) => {
    const field = input.closest('.field'), id = input.id + '-error', hint = input.id + '-hint';
    document.getElementById(id)?.remove();
    field?.classList.toggle('failed', text !== '');
    input.setAttribute('aria-describedby', text ? `${hint} ${id}` : hint);
    if (!text) return input.removeAttribute('aria-invalid');
    const error = document.createElement('p');
    [error.className, error.id, error.textContent] = ['error', id, text];
    error.setAttribute('role', 'alert');
    input.setAttribute('aria-invalid', 'true');
    field?.append(error);
  };

  /** @param {Element} picture @param {string} image @param {string} src */
  const keep = (picture, image, src) => {
    const hidden = picture.querySelector('[data-image]'), drop = picture.querySelector('[data-drop-image]');
    const thumb = picture.querySelector('img');
    if (hidden instanceof HTMLInputElement) hidden.value = image;
    if (thumb) thumb.hidden = !src;
    if (thumb && src) thumb.src = src;
    if (drop instanceof HTMLElement) drop.hidden = !image;
    picture.dispatchEvent(new Event('input', {bubbles: true}));
  };

  form.addEventListener('change', async ({target}) => {
    if (!(target instanceof HTMLInputElement) || !target.matches('[data-upload]')) return;
    const picture = target.closest('.picture'), file = target.files?.[0];
    if (!picture || !file) return;
    complain(target, '');
    picture.setAttribute('aria-busy', 'true');
    const most = Number(target.dataset.upload);
    try {
      if (file.size > most) throw `The image is larger than ${most / 1024 ** 2} MiB; make it smaller.`;
      const body = new FormData();
      body.append('file', file);
      const output = (await load(form.dataset.uploadUrl ?? '', body)).querySelector('output');
      if (output?.dataset.problem) throw output.dataset.problem;
      if (target.files?.[0] !== file || !output) return;
      target.value = '';
      keep(picture, output.dataset.image ?? '', output.dataset.src ?? '');
    } catch (problem) {
      target.value = '';
      const told = typeof problem === 'string' ? problem : 'The image could not be sent; choose it again.';
      complain(target, told);
    } finally {
      picture.removeAttribute('aria-busy');
    }
  });

  form.addEventListener('click', (event) => {
    const drop = event.target instanceof Element && event.target.closest('[data-drop-image]');
    const picture = drop && drop.closest('.picture');
    if (!picture) return;
    event.preventDefault();
    for (const text of picture.querySelectorAll('[data-place]')) {
      if (text instanceof HTMLInputElement) text.value = '';
    }
    keep(picture, '', '');
    picture.querySelector('summary')?.focus();
  });
}

export {};  // so that this is a module to tools too
