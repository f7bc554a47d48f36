// What the editors' admin does beyond plain pages, which all work without it.
// Under `require-trusted-types-for 'script'` nodes are built or imported, never parsed from a string.

/** @template {Element} T @param {string} selector @param {new () => T} kind @param {ParentNode} [root] @returns {T[]} */
const all = (selector, kind, root = document) =>
  [...root.querySelectorAll(selector)].filter(/** @returns {found is T} */ (found) => found instanceof kind);

/** Tell a screen reader. @param {string} text */
const say = (text) => {
  const place = document.getElementById('said');
  if (place) place.textContent = text;
};

/** @param {string} tag @param {Record<string, string>} attributes @param {(Node | string)[]} inside */
const make = (tag, attributes, ...inside) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inside);
  return made;
};

/** The element with an attribute in which an event happened. @param {Event} event @param {string} attribute */
const within = (event, attribute) => {
  const found = event.target instanceof Element && event.target.closest(`[${attribute}]`);
  return found instanceof HTMLElement ? found : null;
};

// ---- menus close like menus

document.addEventListener('click', (event) => {
  for (const menu of all('details.menu[open]', HTMLDetailsElement)) {
    if (event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener('keydown', (event) => {
  const menu = event.key === 'Escape' && within(event, 'open');
  if (!(menu instanceof HTMLDetailsElement) || !menu.matches('.menu')) return;
  menu.open = false;
  menu.querySelector('summary')?.focus();
});

// ---- copying: <button data-copy="ID of the text">

document.addEventListener('click', async (event) => {
  const button = within(event, 'data-copy');
  const text = document.getElementById(button?.dataset.copy ?? '');
  const label = button?.querySelector('span');
  if (!text || !label) return;
  try {
    await navigator.clipboard.writeText(text.textContent ?? '');
    label.textContent = 'Copied';
    say('Copied');
    setTimeout(() => { label.textContent = 'Copy'; }, 2000);
  } catch {  // a page without HTTPS has no clipboard
    getSelection()?.selectAllChildren(text);
    say('The text is selected');
  }
});

// ---- asking first: data-confirm="question" on a form or on one of its buttons

/** @param {string} question @param {string} yes @returns {Promise<boolean>} */
const ask = (question, yes) => new Promise((answer) => {
  const dialog = make('dialog', {'aria-labelledby': 'to-confirm'}, make('form', {method: 'dialog'},
    make('p', {id: 'to-confirm'}, question),
    make('div', {class: 'buttons'}, make('button', {class: 'button quiet', autofocus: ''}, 'Cancel'),
      make('button', {class: 'button danger', value: 'yes'}, yes))));
  if (!(dialog instanceof HTMLDialogElement)) return;
  dialog.onclose = () => { dialog.remove(); answer(dialog.returnValue === 'yes'); };
  document.body.append(dialog);
  dialog.showModal();
});

/** The form whose question was answered with yes. @type {HTMLFormElement | null} */
let agreed = null;

document.addEventListener('submit', async (event) => {
  const [form, button] = [event.target, event.submitter];
  if (!(form instanceof HTMLFormElement)) return;
  const question = button?.dataset.confirm ?? form.dataset.confirm;
  if (question && agreed !== form) {
    event.preventDefault();
    if (!await ask(question, button?.textContent?.trim() || 'Yes')) return button?.focus();
    agreed = form;
    form.requestSubmit(button);
    agreed = null;
  } else {
    changed.delete(form);
  }
});

// ---- unsaved changes: <form data-unsaved> (="changed" when it already holds some)

/** @type {Set<Element>} */
const changed = new Set(all('[data-unsaved="changed"]', HTMLFormElement));

document.addEventListener('input', (event) => {
  const form = within(event, 'data-unsaved');
  if (form) changed.add(form);
});
addEventListener('beforeunload', (event) => changed.size && event.preventDefault());

// ---- rows: <fieldset data-rows data-rows-max> with .rows, a <template> and buttons data-add, data-row="up|down|remove"

/** Numbers the rows anew. @param {HTMLElement} box */
const number = (box) => {
  const rows = all('.rows > .row', HTMLElement, box);
  const ends = {up: rows[0], down: rows.at(-1)};
  for (const [index, row] of rows.entries()) {
    for (const place of all('[data-number]', HTMLElement, row)) place.textContent = String(index + 1);
    for (const [move, end] of Object.entries(ends)) {
      for (const button of all(`[data-row="${move}"]`, HTMLButtonElement, row)) button.disabled = row === end;
    }
  }
  const add = all('[data-add]', HTMLButtonElement, box)[0];
  if (add) add.disabled = rows.length >= Number(box.dataset.rowsMax ?? Infinity);
  box.dispatchEvent(new Event('input', {bubbles: true}));
};

/** A row of the template, under a key of its own. @param {HTMLElement} box */
const addRow = (box) => {
  const template = box.querySelector('template');
  if (!template) return;
  let serial = 1;
  while (box.querySelector(`[name="option"][value="new${serial}"]`)) serial++;
  const added = document.importNode(template.content, true);
  for (const element of all('*', Element, added)) {
    for (const {name, value} of element.attributes) element.setAttribute(name, value.replace('__key__', `new${serial}`));
  }
  const first = all('input:not([type="hidden"])', HTMLElement, added)[0];
  box.querySelector('.rows')?.append(added);
  number(box);
  first?.focus();
};

document.addEventListener('click', (event) => {
  const box = within(event, 'data-rows');
  const button = within(event, 'data-row') ?? within(event, 'data-add');
  if (!box || !button) return;
  event.preventDefault();
  const row = button.closest('.row');
  if (!row) return addRow(box);
  const beside = button.dataset.row === 'up' ? row.previousElementSibling : row.nextElementSibling;
  if (button.dataset.row === 'remove') {
    row.remove();
    say('Option removed');
  } else if (beside) {  // the neighbour moves, so that the pressed button keeps its focus
    if (button.dataset.row === 'up') row.after(beside);
    else row.before(beside);
    say(`Moved to place ${[...row.parentElement?.children ?? []].indexOf(row) + 1}`);
  }
  number(box);
  if (!button.isConnected) all('[data-add]', HTMLElement, box)[0]?.focus();
  if (button.matches(':disabled')) all('[data-row]:not(:disabled)', HTMLElement, row)[0]?.focus();
});

// ---- fragments: the server's HTML as a document, and only what differs is changed

/** @param {string} url @param {string} [etag] @returns {Promise<XMLHttpRequest>} */
const load = (url, etag) => new Promise((done, fail) => {
  const request = new XMLHttpRequest();
  request.open('GET', url);
  request.responseType = 'document';
  if (etag) request.setRequestHeader('If-None-Match', etag);
  request.timeout = 10_000;
  request.onload = () => done(request);
  request.onerror = request.ontimeout = fail;
  request.send();
});

/** Make `old` hold what `fresh` holds, in place: focus, scrolling and open details stay.
 * @param {Element} old @param {Element} fresh */
const renew = (old, fresh) => {
  const before = [...old.childNodes];
  [...fresh.childNodes].forEach((node, index) => {
    const present = before[index];
    if (!present) return old.append(document.importNode(node, true));
    if (present.isEqualNode(node)) return;
    const alike = present.nodeName === node.nodeName && present instanceof Element && node instanceof Element;
    if (!alike || present.id !== node.id) return present.replaceWith(document.importNode(node, true));
    for (const name of new Set([...present.getAttributeNames(), ...node.getAttributeNames()])) {
      const value = node.getAttribute(name);
      if (name === 'open' || value === present.getAttribute(name)) continue;
      if (value === null) present.removeAttribute(name);
      else present.setAttribute(name, value);
    }
    renew(present, node);
  });
  for (const node of before.slice(fresh.childNodes.length)) node.remove();
};

/** @param {Element} place @param {XMLHttpRequest} request */
const show = (place, request) => {
  const body = request.status === 200 && request.responseXML?.body;
  const focused = place.contains(document.activeElement) && document.activeElement?.id;
  if (body) renew(place, body);
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
};

// ---- live: <div data-live="URL" [data-etag]>, asked for every 2 seconds while it is seen

for (const place of all('[data-live]', HTMLElement)) {
  const url = new URL(place.dataset.live ?? '', document.baseURI).href;
  let [seen, timer, wait] = [false, 0, 2000];
  const later = () => {
    clearTimeout(timer);
    if (seen && !document.hidden) timer = setTimeout(refresh, wait);
  };
  const refresh = async () => {
    const request = await load(url, place.dataset.etag).catch(() => null);
    if (request && request.responseURL !== url) return location.reload();  // the session has ended
    if (request?.status === 200) {
      show(place, request);
      place.dataset.etag = request.getResponseHeader('ETag') ?? '';
    }
    wait = request && request.status < 400 ? 2000 : Math.min(wait * 2, 60_000);
    later();
  };
  new IntersectionObserver((entries) => {
    seen = entries.at(-1)?.isIntersecting ?? false;
    later();
  }).observe(place);
  document.addEventListener('visibilitychange', later);
}
