// A site that never loads a second page: stories change by history.pushState, and a story's poll comes after it.

const place = /** @type {HTMLElement} */ (document.getElementById('story'));
const nav = /** @type {HTMLElement} */ (document.querySelector('.stories-nav'));
const templates = /** @type {HTMLTemplateElement[]} */ ([...document.querySelectorAll('template[data-title]')]);
const home = '/app.html';
const site = document.title;

/** The poll takes the place that the story has for it. @param {HTMLElement} room */
const insert = (room) => {
  const poll = document.createElement('pollsvc-poll');
  poll.setAttribute('poll', room.dataset.poll ?? '');
  poll.textContent = `Reader poll: ${room.dataset.question}`;
  room.replaceWith(poll);
};

const list = () => {
  const stories = document.createElement('ul');
  stories.className = 'stories';
  for (const {id, dataset} of templates) {
    const item = document.createElement('li'), heading = document.createElement('h2');
    heading.append(link(`/app/${id}`, dataset.title ?? id));
    item.append(heading);
    stories.append(item);
  }
  const heading = document.createElement('h1');
  heading.textContent = 'Stories';
  heading.tabIndex = -1;
  return [heading, stories];
};

/** @param {string} href @param {string} text */
const link = (href, text) => {
  const made = document.createElement('a');
  [made.href, made.textContent] = [href, text];
  return made;
};

/** Shows what the address says. What was there goes, its poll included. @param {boolean} [moved] */
const show = (moved) => {
  const story = templates.find(({id}) => location.pathname === `/app/${id}`);
  document.title = story ? `${story.dataset.title} · ${site}` : site;
  const canonical = document.querySelector('link[rel=canonical]');
  canonical?.setAttribute('href', location.origin + location.pathname);
  for (const one of nav.querySelectorAll('a')) {
    if (one.pathname === location.pathname) one.setAttribute('aria-current', 'page');
    else one.removeAttribute('aria-current');
  }
  place.replaceChildren(...story ? [document.importNode(story.content, true)] : list());
  if (moved) {
    scrollTo(0, 0);
    place.querySelector('h1')?.focus();
  }
  const room = /** @type {HTMLElement | null} */ (place.querySelector('[data-poll]'));
  if (room) requestAnimationFrame(() => insert(room));
};

nav.append(link(home, 'All stories'), ...templates.map(({id, dataset}) => link(`/app/${id}`, dataset.title ?? id)));
addEventListener('popstate', () => show());
document.addEventListener('click', (event) => {
  const to = event.target instanceof Element && event.target.closest('a');
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  const inside = to && to.origin === location.origin && /^\/app(\.html|\/)/.test(to.pathname);
  if (!inside || !plain) return;
  event.preventDefault();
  if (to.pathname !== location.pathname) history.pushState(null, '', to.pathname);
  show(true);
});
show();

export {};  // so that this is a module to tools too
