// See docs/embed.md
(() => {
if (customElements.get('pollsvc-poll')) return
const sheet = new CSSStyleSheet()
sheet.replaceSync(`
:host{display:block;--a:var(--pollsvc-accent,light-dark(#14508c,#8fc4ff));--l:1px solid color-mix(in srgb,currentColor 20%,transparent)}
:host([hidden]),[hidden]{display:none!important}
*{box-sizing:border-box;margin:0;padding:0;border:0;min-inline-size:0;font:inherit;color:inherit;background:none}
[part=box]{overflow:clip;min-block-size:inherit}
form{display:flex;flex-direction:column;gap:.6em;min-block-size:inherit;padding:1.2em;border:var(--l);border-radius:var(--pollsvc-radius,.75em);line-height:1.3;overflow-wrap:anywhere;background:var(--pollsvc-background,light-dark(#fff,#171a1f));color:var(--pollsvc-text,light-dark(#14171c,#eceff3))}
.row,form>p{font-size:.8em}
.row{display:flex;flex-wrap:wrap;gap:0 1.2em;align-items:center}
.row>*{flex:1 1 15em;min-block-size:2.7em;align-content:center}
form>p,a,button{color:var(--a);font-weight:700}
legend{font-size:1.25em;font-weight:700;line-height:1.3}
.swap{display:grid}
.swap>*{grid-area:1/1;display:flex;gap:1.2em;align-items:center}
ul{display:grid;gap:.6em;list-style:none;margin-block-start:.6em}
li{position:relative;border:var(--l);border-radius:.5em}
i{position:absolute;inset-block:0;border-radius:inherit;border-block-end:2px solid var(--a);background:color-mix(in srgb,var(--a) 15%,transparent)}
label{position:relative;display:grid;grid-template:auto/1.2em 1fr 3em;gap:.6em;align-items:center;min-block-size:3em;padding:.3em .6em}
input,b{grid-area:1/1;inline-size:1.2em;block-size:1.2em;accent-color:var(--a);font-weight:700}
label>span{block-size:2.9em;font-size:.8em;white-space:pre;text-align:end;align-content:center}
bdi{justify-self:start}
label>span::first-line{font-size:1rem;font-weight:700}
button,a{display:inline-block;cursor:pointer;border-radius:.5em;line-height:2;text-decoration:underline}
button{min-block-size:3.4em}
.a>button{border:1px solid;padding-inline:2em;text-decoration:none;background:var(--a);color:var(--pollsvc-on-accent,light-dark(#fff,#0b1420))}
.result .a,form:not(.result) .b{visibility:hidden}
li:has(:enabled):hover,li:has(:checked),.mine{border-color:var(--a)}
:focus-visible{outline:2px solid var(--a);outline-offset:2px}
@media(prefers-reduced-motion:no-preference){i{transition:inline-size .6s}}`)

const serverOf = (url = '') => url && new URL(url, document.baseURI).href.replace(/(\/w\/1\.[^/]*|\/)$/, '')
const article = () => (document.querySelector('link[rel=canonical]')?.href || location.href).split('#')[0]
const {lang} = document.documentElement

// Longer each time, and not in step.
const patience = (reply = new Response()) =>
	Math.max(Number(reply.headers.get('Retry-After')) || 0, Math.min(2 ** failures++, 60)) * (1e3 + Math.random() * 500)

let base = serverOf([document.currentScript, ...document.scripts].map((script) => script?.getAttribute('src') ?? '').find((src) => /\/w\/1\./.test(src)))
let failures = 0, askAt = 0, refreshAt = 0, folds = 0, active = Date.now(), streamAt = active + 1e3
/** @type {EventSource | undefined} */
let stream
/** @type {Reader} */
let unstored = {votes: {}}
/** @type {Record<string, Poll>} */
const polls = {}

const pollOf = (id = '') => polls[id] ??= {
	id, views: new Map(), skew: -Infinity, data: /** @type {any} */ (0),

	state() {
		const {state, opens_at, closes_at} = this.data, past = (time = '') => Date.parse(time) <= Date.now() + this.skew
		return past(closes_at) ? 'closed' : state == 'scheduled' && past(opens_at) ? 'open' : state
	},

	// A late answer turns nothing back.
	take(news) {
		const old = this.data.results, results = (news.results?.version ?? -1) < (old?.version ?? 0) ? old : news.results
		if (news.now) this.skew = Math.max(this.skew, Date.parse(news.now) - Date.now())
		this.data = {...this.data, ...news, results}
		this.vote = this.reader().votes[id]
		this.views.forEach((view) => view.render(results != old))
		if (news.site && !results) this.reveal()
	},

	// Kept by the browser or, refused, by this page.
	reader(change) {
		const key = `pollsvc ${base} ${this.data.site}`
		try {
			if (change) localStorage[key] = JSON.stringify(change)
			return JSON.parse(localStorage[key])
		} catch { return unstored = change ?? unstored }
	},

	async reveal() {
		try { if (this.vote?.url) this.take(await (await fetch(this.vote.url)).json()) } catch {}
	},
}

const bring = async (some = Object.values(polls)) => {
	const [{id, views}] = some
	for (const poll of some) poll.asked = true
	let reply
	try {
		reply = await fetch(base + '/api/v1/' + (id ? 'polls?id=' + some.map((poll) => poll.id).join('&id=') : 'articles?url=' + encodeURIComponent(article())) + '&lang=' + encodeURIComponent(lang), {credentials: 'omit', cache: 'no-cache'})
		const found = (await reply.json()).polls
		for (const data of found) pollOf(data.id).take(data)
		if (!id) views.forEach((view) => view.fill(found))
		failures = 0
		beat()
	} catch {
		for (const poll of some) poll.asked = false
		askAt = Date.now() + patience(reply)
	}
}

const hush = () => { stream = void stream?.close() }

// Each second: clocks, and a stream or a GET.
const beat = () => {
	const now = Date.now(), all = Object.values(polls), seen = all.filter(({views}) => !document.hidden && [...views.values()].some(({seen}) => seen))
	// The first in view brings all.
	for (const {id, asked} of seen) if (!asked && now > askAt) bring(all.filter((poll) => !poll.asked && !poll.id == !id).slice(0, 99))
	const ready = seen.filter(({data}) => data), live = ready.filter(({data}) => data.state != 'closed').slice(0, 99)
	for (const {views} of ready) views.forEach((view) => view.render())
	const wanted = live[0] && now - active < 3e5 ? base + '/api/v1/live?poll=' + live.map(({id}) => id).join('&poll=') : ''
	if (!wanted) hush()
	else if (wanted != stream?.url && now > streamAt) {
		hush()
		stream = new EventSource(wanted)
		stream.addEventListener('results', ({data}) => {
			const news = JSON.parse(data)
			failures = 0
			pollOf(news.id).take(news)
		})
		stream.onerror = () => {
			hush()
			streamAt = Date.now() + patience()
		}
	}
	if (live[0] && now > refreshAt) {
		if (refreshAt && stream?.readyState != 1) bring(live)
		for (const poll of live) poll.reveal()
		refreshAt = now + 8e3
	}
}

const mount = (host = document.body) => {
	for (const key in polls) polls[key].views.delete(host)
	base = serverOf(host.getAttribute('src') ?? '') || base
	const id = host.getAttribute('poll') ?? host.dataset.pollsvc ?? '', poll = pollOf(id), root = host.shadowRoot ?? host.attachShadow({mode: 'open'})
	const updates = [() => {}]
	/** @type {H} A function is asked again at each render. */
	const h = (tag, props = {}, ...children) => {
		const node = /** @type {any} */ (document.createElement(tag))
		for (const [key, value] of Object.entries(props)) {
			if (typeof value == 'function' && key[1] != 'n') updates.push(() => { if (node[key] !== value()) node[key] = value() })
			else node[key] = value
		}
		node.append(...children)
		return node
	}
	const box = h('div', {part: 'box'}, h('slot')), list = h('ul', {role: 'list', tabIndex: -1}), status = h('p', {part: 'status', role: 'status'})
	let built = false, editing = false, result = false, act = 'vote', retry = 0, room = 0, hint = ''
	const inputs = () => [...root.querySelectorAll('input')]
	const chosen = () => inputs().filter((input) => input.checked).map((input) => +input.value)
	const tell = (type = '', more = {}) => host.dispatchEvent(new CustomEvent('pollsvc:' + type,
		{bubbles: true, composed: true, detail: {poll: id, results: poll.data.results, ...more}}))

	// Nothing in view jumps: it unfolds by 2 px a frame.
	const unfold = () => {
		const more = view.seen && !matchMedia('(prefers-reduced-motion)').matches && room < Math.min(box.scrollHeight, innerHeight - box.getBoundingClientRect().top)
		box.style.maxBlockSize = more ? room + 'px' : ''
		if (!more) return folds--
		requestAnimationFrame(() => {
			room += 2 / folds
			unfold()
		})
	}

	// In one piece: the result has the form's room.
	const build = () => {
		const {kind, question, options, picks: {min, max}, url, away, strings: s} = poll.data, many = !away && kind == 'multiple'
		const locale = lang.startsWith(s.lang + '-') ? lang : s.lang, rules = new Intl.PluralRules(locale)
		const number = new Intl.NumberFormat(locale).format, percent = new Intl.NumberFormat(locale, {style: 'percent'}).format
		const date = new Intl.DateTimeFormat(locale, {dateStyle: 'medium', timeStyle: 'short'}).format
		const plural = (forms = s.voters, n = 0) => forms[rules.select(n)].replace('{n}', number(n))
		const words = {scheduled: [s.opens, s.early], open: [s.closes, s.voted], closed: [s.closed, s.late]}
		const fixed = () => !poll.data.allow_change || poll.state() != 'open'
		hint = min > 1 && min < max ? s.pick_range.replace('{min}', number(min)).replace('{max}', number(max)) : plural(min < max ? s.pick_max : s.pick, max)

		for (const {id, emoji, label} of away ? [] : options) {
			const mine = () => result && poll.vote?.selection.includes(id)
			const count = () => poll.data.results?.options.find((option) => option.id == id)?.count ?? 0, share = () => count() / (poll.data.results?.voters || 1)
			list.append(h('li', {part: 'option', className: () => mine() ? 'mine' : ''},
				h('i', {part: 'bar', style: () => `inline-size:${result && share() * 100}%`}),
				h('label', {}, h('input', {type: many ? 'checkbox' : 'radio', name: 'option', value: id, className: 'a', checked: poll.vote?.selection.includes(id), disabled: () => result}),
					h('b', {role: 'img', ariaLabel: s.mine, textContent: '✓', hidden: () => !mine()}), h('bdi', {}, [emoji, label].join(' ')),
					h('span', {part: 'number', className: 'b', textContent: () => {
						const {results, percent_from} = poll.data
						return !results ? '' : (results.voters < percent_from ? '' : percent(share()) + '\n') + number(count())
					}}))))
		}
		return h('form', {part: 'poll', lang: s.lang, dir: s.dir, className: () => result ? 'result' : '', onchange: () => act == 'sending' || say(), onsubmit: () => false},
			h('p', {part: 'voters', textContent: () => s.poll + ' · ' + (poll.data.results ? plural(s.voters, poll.data.results.voters) : s[poll.data.visibility])}),
			h('fieldset', {}, h('legend', {part: 'question', lang: question.lang}, h('bdi', {}, question.text)),
				many ? h('div', {className: 'swap'}, h('span', {className: 'a'}, hint), h('span', {className: 'b'}, s.of_voters)) : '', list),
			h('div', {className: 'row'},
				h('div', {className: 'swap'},
					h('div', {className: 'a'}, h('button', {part: 'vote', textContent: () => s[act], onclick: choose})),
					h('div', {className: 'b'}, h('button', {textContent: s.change, hidden: fixed, onclick: edit}), h('button', {textContent: s.withdraw, hidden: fixed, onclick: () => send([])}),
						h('span', {hidden: () => !fixed(), textContent: () => words[poll.state()][1]}))),
				status),
			h('div', {className: 'row'},
				h('span', {textContent: () => {
					const state = poll.state(), time = state == 'scheduled' ? poll.data.opens_at : poll.data.closes_at
					return time ? words[state][0].replace('{time}', date(new Date(time))) : state == 'open' ? s.open : ''
				}}),
				h('span', {}, s.sample, ' · ', h('a', {href: url}, s.details))))
	}

	const view = {
		seen: false,
		render(news = false) {
			const form = !built && build()
			result = poll.state() != 'open' || !!poll.vote && !editing
			// Focus must not be lost with the form.
			if (result && root.activeElement?.closest('.a')) list.focus()
			for (const update of updates) update()
			if (form) {
				built = true
				room = box.getBoundingClientRect().height
				box.style.minBlockSize = room + 'px'
				box.replaceChildren(form)
				folds++
				unfold()
				tell('ready')
			}
			if (news) tell('results')
		},
		fill(found = [poll.data]) {
			room = box.getBoundingClientRect().height
			if (found[0]) host.replaceChildren(...found.map(({id}) => {
				const child = document.createElement('pollsvc-poll')
				child.setAttribute('poll', id)
				return child
			}))
			folds++
			unfold()
		},
	}
	const say = (text = '', next = 'vote') => {
		clearTimeout(retry)
		act = next
		status.textContent = text
		view.render()
	}
	const edit = () => {
		editing = true
		say()
		inputs()[0].focus()
	}
	const choose = () => {
		const {picks: {min, max}, away, url} = poll.data, {length} = chosen()
		if (away) return open(url)
		if (length >= min && length <= max) return send()
		say(hint)
		inputs()[0].focus()
	}

	const send = async (selection = chosen(), lost = false) => {
		if (act == 'sending') return
		say('', 'sending')
		let mine = poll.reader(), reply, answer
		// Kept first: a retry is the same reader's.
		if (!mine.reader) mine.key ??= crypto.getRandomValues(new Uint32Array(4)).join('-')
		poll.reader(mine)
		const {reader} = mine, {strings: s} = poll.data
		try {
			reply = await fetch(`${base}/api/v1/polls/${id}/votes`, {method: 'POST', credentials: 'omit',
				body: JSON.stringify({selection, article: article(), reader, idempotency_key: mine.key})})
			answer = await reply.json()
		} catch {}
		// A refused origin cannot read why.
		const refused = !reply && lost && await fetch(`${base}/api/v1/polls/${id}`).then(({ok}) => ok, () => false)
		mine = poll.reader()
		const {receipt, code, results, status} = answer ?? {}
		if (receipt || code == 'already_voted') {
			selection = answer.selection ?? selection
			mine.votes[id] = selection[0] ? {selection, url: answer.results_url, receipt} : undefined
			poll.reader(receipt ? {reader: answer.reader, votes: mine.votes} : mine)
			failures = 0
			editing = false
			poll.take({results})
			say(code ? s.already : !selection[0] ? s.withdrawn : status == 'held' ? s.held : s.thanks)
			if (receipt) tell('vote', {selection, receipt})
		} else if (code == 'bad_reader_token' && reader) {
			if (mine.reader == reader) poll.reader({votes: mine.votes})
			say()
			send(selection)
		} else if (code == 'poll_not_open') {
			poll.take({state: 'closed'})
			bring([poll])
			say(s.missed)
		} else if (!refused && (!reply || reply.ok || reply.status == 429 || reply.status >= 500)) {
			say(reply ? s.busy : s.offline, 'retry')
			retry = setTimeout(send, patience(reply), selection, !reply)
		} else say(s.refused)
	}

	root.adoptedStyleSheets = [sheet]
	root.replaceChildren(box)
	poll.views.set(host, view)
	if (base) new IntersectionObserver((entries) => {
		view.seen = entries.some((entry) => entry.isIntersecting)
		beat()
	}, {rootMargin: '200px'}).observe(host)
	else box.append('pollsvc: no server in src')
	if (poll.data) view.render()
}

customElements.define('pollsvc-poll', class extends HTMLElement {
	static observedAttributes = ['poll']
	connectedCallback() { mount(this) }
	attributeChangedCallback() { mount(this) }
})

// Site builders strip unknown tags.
const adopt = () => {
	for (const place of document.querySelectorAll('[data-pollsvc]')) if (!place.shadowRoot) mount(place)
}
adopt()
new MutationObserver(adopt).observe(document, {childList: true, subtree: true})
for (const type of ['pointermove', 'pointerdown', 'keydown', 'scroll']) addEventListener(type, () => { active = Date.now() }, true)
document.addEventListener('visibilitychange', beat)
setInterval(beat, 1e3)
})()
