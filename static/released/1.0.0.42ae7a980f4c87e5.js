customElements.get('pollsvc-poll') || (() => {
const sheet = new CSSStyleSheet()
sheet.replaceSync(`
:host{display:block;--a:var(--pollsvc-accent,light-dark(#14508c,#8fc4ff));--l:1px solid color-mix(in srgb,currentColor 15%,transparent)}
:host([hidden]),[hidden]{display:none!important}
*{box-sizing:border-box;margin:0;padding:0;border:0;min-inline-size:0;font:inherit;color:inherit;background:0}
[part=box]{overflow:clip;min-block-size:inherit}
form{white-space:normal;display:grid;align-content:start;gap:.6em;min-block-size:inherit;padding:min(1.2em,5%);border:var(--l);border-radius:var(--pollsvc-radius,.75em);line-height:1.3;overflow-wrap:anywhere;background:var(--pollsvc-background,Canvas);color:var(--pollsvc-text,CanvasText)}
:host([preset=compact]) form{font-size:.85em;padding:.8em}
:host([preset=plain]) form{border:0;padding:0;background:0;color:inherit}
.row,form>p,small{font-size:.8em}
.row,.swap>*{display:flex;flex-wrap:wrap;gap:.6em 1.2em;align-items:center}
.row>*{flex:1 15em;min-block-size:2.7em;align-content:center}
form>p,a,button{color:var(--a)}
form>p,a,button,legend,b,label>span::first-line{font-weight:700}
.swap{display:grid}
.swap>*{grid-area:1/1}
ul{display:grid;gap:.6em;list-style:none;margin-block-start:.6em}
li{position:relative;border:var(--l);border-radius:.5em}
i{position:absolute;inset-block:0;inline-size:var(--s);border-radius:inherit;border-block-end:2px solid var(--a);background:color-mix(in srgb,var(--a) 15%,transparent)}
label{position:relative;display:flex;flex-wrap:wrap;gap:0 .6em;align-items:center;min-block-size:3em;padding:.3em .6em}
label>input,b{inline-size:1.2em;block-size:1.2em;accent-color:var(--a)}
b{position:absolute}
label>span{margin-inline-start:auto;min-inline-size:3em;block-size:3em;font-size:.8em;white-space:pre;text-align:end;align-content:center}
legend,label>span::first-line{font-size:1.25em}
bdi{flex:1 4em}
button,a{display:inline-block;cursor:pointer;border-radius:.5em;line-height:2;text-decoration:underline}
button{min-block-size:3.3em}
[part=vote]{padding-inline:1em;min-inline-size:9em;text-decoration:none;background:var(--a);color:var(--pollsvc-on-accent,light-dark(#fff,#000))}
.result .a,form:not(.result) .b{visibility:hidden}
li:has(:enabled):hover,li:has(:checked),.mine{border-color:var(--a)}
:focus-visible{outline:2px solid var(--a);outline-offset:2px}
@media(prefers-reduced-motion:no-preference){i{transition:.6s}}
@media print{button,a{display:none}}`)

const serverOf = (url) => url && new URL(url, document.baseURI).href.replace(/(\/w\/1\.[^/]*|\/)$/, '')
const home = serverOf([document.currentScript, ...document.scripts].find((script) => script?.src.includes('/w/1.'))?.src)
const article = () => document.querySelector('link[rel=canonical]')?.href || location.href.split('#')[0]

const patience = (reply) =>
	Math.min(Math.abs(reply?.headers.get('Retry-After')) || 2 ** failures++, 60) * (1e3 + Math.random() * 500)

let failures = 0, askAt = 0, active = Date.now(), streamAt = active + 1e3, unstored = {}, folded = []
const polls = {}, streams = {}

const pollOf = (base, lang, id) => polls[base + lang + (id || article())] ??= {
	base, lang, id, kin: base + lang + !id, views: new Map(), skew: -1/0, data: 0,

	left(time) { return Date.parse(time) - Date.now() - this.skew },

	state() {
		const {state, opens_at, closes_at, origins} = this.data
		return state == 'closed' || this.left(closes_at) <= 0 ? 'closed' : this.left(opens_at) > 0 ? 'scheduled' : origins.includes(origin) ? 'open' : 'away'
	},

	take(news) {
		const old = this.data.results, results = news.results?.version > (old?.version ?? -1) ? news.results : old
		if (news.now) this.skew = Math.max(this.skew, Date.parse(news.now) - Date.now())
		this.data = {...this.data, ...news, results}
		this.vote = this.reader().votes[id]
		this.views.forEach((view) => view.render(results != old))
		if (news.site && !results && this.vote?.url) fetch(this.vote.url).then(async (reply) => this.take(await reply.json())).catch(() => {})
	},

	reader(change) {
		const key = 'pollsvc ' + base + ' ' + this.data.site
		try {
			if (change) localStorage[key] = JSON.stringify(change)
			return {votes: {}, ...JSON.parse(localStorage[key])}
		} catch { return unstored[key] = change ?? unstored[key] ?? {votes: {}} }
	},

}

const bring = async (some) => {
	const {base, lang, id, views} = some[0]
	some.forEach((poll) => poll.asked = Date.now())
	let reply
	try {
		reply = await fetch(base + '/api/v1/' + (id ? 'polls?id=' + some.map((poll) => poll.id).join('&id=') : 'articles?url=' + encodeURIComponent(article())) + '&lang=' + lang, {credentials: 'omit', signal: AbortSignal.timeout(2e4), cache: 'no-cache'})
		const found = (await reply.json()).polls
		await Promise.all(found.map(async (data) => {
			const poll = pollOf(base, lang, data.id)
			poll.asked = Date.now()
			if (data.rare) poll.rare ??= (await import(base + '/w/1.0.0.59c6f98ed3db09d8.js?' + failures)).default
			poll.take(data)
		}))
		if (!id) {
			views.forEach((view) => view.fill(found))
			views.clear(some[0].asked = 0)
		}
		failures = 0
		beat()
	} catch {
		some.forEach((poll) => poll.asked = 0)
		askAt = Date.now() + patience(reply)
	}
}

const beat = () => {
	const now = Date.now(), all = Object.values(polls), seen = all.filter(({views}) => !document.hidden && [...views.values()].some(({seen}) => seen)).slice(0, 99)
	const live = ({data}) => data.state != 'closed' && data, due = (poll) => !poll.asked || live(poll) && now - poll.asked > 8e3 && (poll.vote?.url || streams[poll.base]?.readyState != 1)
	for (const poll of seen) {
		if (poll.data) poll.views.forEach((view) => view.render())
		if (due(poll) && now > askAt) bring(seen.filter((other) => due(other) && other.kin == poll.kin))
	}
	for (const {base} of all) {
		const some = seen.filter((poll) => live(poll) && poll.base == base), stream = streams[base]
		const url = some[0] && now - active < 3e5 ? base + '/api/v1/live?poll=' + [...new Set(some.map((poll) => poll.id))].join('&poll=') : ''
		if (!url) streams[base] = stream?.close()
		else if (url != stream?.url && now > streamAt) {
			stream?.close()
			streamAt = now + 1e3
			const news = streams[base] = new EventSource(url)
			news.addEventListener('results', ({data}) => {
				failures = 0
				data = JSON.parse(data)
				for (const poll of all) if (poll.data && poll.id == data.id) poll.take(data)
			})
			news.onerror = () => {
				streams[base] = news.close()
				streamAt = Date.now() + patience()
			}
		}
	}
}

const forget = (host) => Object.values(polls).forEach(({views}) => views.delete(host))

const mount = (host) => {
	forget(host)
	const lang = host.closest('[lang]')?.lang || navigator.language, id = host.getAttribute('poll') ?? host.dataset.pollsvc ?? ''
	const poll = pollOf(serverOf(host.closest('[src]')?.getAttribute('src')) || home, lang, id), root = host.shadowRoot ?? host.attachShadow({mode: 'open'})
	const updates = []
	const h = (tag, props, ...children) => {
		const node = document.createElement(tag)
		for (const [key, value] of Object.entries(props)) {
			if (!value?.call || key[1] == 'n') node[key] = value
			else updates.push(() => { if (node[key] !== value(node)) node[key] = value(node) })
		}
		node.append(...children)
		return node
	}
	const box = h('div', {part: 'box'}, h('slot', {})), list = h('ul', {role: 'list', tabIndex: -1}), status = h('p', {part: 'status', role: 'status'})
	let built, result, mode, retry, room, act = 'vote'
	const field = {chosen: () => [...list.querySelectorAll(':checked')].map(({value}) => +value), note: () => ''}
	const tell = (type, more) => host.dispatchEvent(new CustomEvent('pollsvc:' + type, {bubbles: true, detail: {poll: id, results: poll.data.results, ...more}}))

	const unfold = () => {
		const more = !matchMedia('(prefers-reduced-motion)').matches && room < Math.min(box.scrollHeight, innerHeight - box.getBoundingClientRect().y)
		box.style.maxBlockSize = more ? room + 'px' : ''
		requestAnimationFrame(() => {
			if (!more) return folded = folded.filter((other) => other != box)
			if (folded[0] == box) room += 2.9
			unfold()
		})
	}

	const build = () => {
		const {question, options, picks, percent_from, url, verify_url, strings: s} = poll.data
		const number = (n, style) => n.toLocaleString(s.lang, style)
		const when = (text, time) => {
			const minutes = Math.ceil(poll.left(time) / 6e4), hours = minutes / 60 | 0, left = new Intl.RelativeTimeFormat(s.lang)
			return text.replace('{time}', new Date(time).toLocaleString(s.lang, {dateStyle: 'medium', timeStyle: 'short'}) + (minutes > 0 && hours < 49 ? ' (' + (hours > 1 ? left.format(hours, 'hour') : left.format(minutes, 'minute')) + ')' : ''))
		}
		const fixed = () => !poll.vote || !poll.data.allow_change || poll.state() != 'open'
		const enough = () => poll.data.results?.voters >= percent_from
		const row = ({id, label, mine = () => poll.vote?.selection.includes(id), count = () => poll.data.results?.options.find((option) => option.id == id)?.count ?? 0}) => {
			const share = () => count() / poll.data.results.voters
			return h('li', {part: 'option', className: () => result && mine() ? 'mine' : ''},
				h('i', {part: 'bar', style: () => '--s:' + (result && enough() && share() * 100) + '%'}),
				h('label', {}, h('input', {type: picks.max > 1 ? 'checkbox' : 'radio', name: 'option', value: id, className: 'a', disabled: () => result,
					defaultChecked: host.getAttribute('pick') == id, checked: (node) => result && poll.vote ? mine() : node.checked}),
					h('b', {role: 'img', ariaLabel: s.mine, textContent: '✓', hidden: () => !result || !mine()}), h('bdi', {}, label),
					h('span', {part: 'number', className: 'b', textContent: () => poll.data.results ? (enough() ? number(share(), {style: 'percent'}) + '\n' : '') + number(count()) : ''})))
		}
		if (poll.rare) poll.rare({poll, host, mount, root, field, list, h, row, number, say, result: () => result})
		else list.append(...options.map(row))
		return h('form', {part: 'poll', lang: s.lang, dir: s.dir, className: () => result ? 'result' : '', onchange: () => act == 'sending' || say(), onsubmit: () => false},
			h('p', {part: 'voters', textContent: () => s.poll + (poll.data.results ? s.voters[new Intl.PluralRules(s.lang).select(poll.data.results.voters)].replace('{n}', number(poll.data.results.voters)) : s[poll.data.visibility])}),
			h('fieldset', {}, h('legend', {part: 'question', lang: question.lang}, h('bdi', {}, question.text)),
				h('div', {className: 'swap'}, h('small', {className: 'a'}, s.hint), h('small', {className: 'b', textContent: () => result && !poll.data.results ? '' : field.note() + (enough() ? s.of : s.few)})), list),
			h('div', {className: 'row'},
				h('div', {className: 'swap'},
					h('div', {className: 'a'}, h('button', {part: 'vote', textContent: () => s[act], onclick: choose}), h('button', {textContent: s.results, hidden: () => !poll.data.results, onclick: () => turn(true)})),
					h('div', {className: 'b'}, h('button', {textContent: s.change, hidden: fixed, onclick: () => turn(false)}), h('button', {textContent: s.withdraw, hidden: fixed, onclick: () => send([])}),
						h('button', {textContent: s.back, hidden: () => !mode, onclick: () => turn(false)}),
						h('span', {hidden: () => mode || !fixed(), textContent: () => poll.vote?.held ? s.held : s.states[poll.state()]}))),
				status),
			h('div', {className: 'row'},
				h('span', {textContent: () => when(s.times[poll.state()], poll.state() == 'scheduled' ? poll.data.opens_at : poll.data.closes_at)}),
				h('span', {}, s.sample, h('a', {href: () => poll.vote?.receipt ? verify_url + JSON.stringify(poll.vote.receipt) : url, textContent: () => poll.state() == 'away' ? s.elsewhere : poll.vote?.receipt ? s.verify : s.details}))))
	}

	const view = {
		seen: false,
		render(news) {
			const form = !built && build()
			result = poll.state() != 'open' || (mode ?? !!poll.vote)
			const lost = root.activeElement?.closest(result ? '.a' : '.b')
			for (const update of updates) update()
			if (lost) focus()
			if (form) {
				built = true
				room = box.getBoundingClientRect().height
				box.style.minBlockSize = room + 'px'
				box.replaceChildren(form)
				folded.push(box)
				unfold()
				tell('ready')
			} else if (news) tell('results')
		},
		fill(found) {
			box.style.minBlockSize = box.getBoundingClientRect().height + 'px'
			if (found[0]) host.replaceChildren(...found.map(({id}) => {
				const child = document.createElement('pollsvc-poll')
				child.setAttribute('poll', id)
				child.setAttribute('preset', host.getAttribute('preset') ?? '')
				return child
			}))
		},
	}
	const say = (text = '', next = 'vote') => {
		clearTimeout(retry)
		act = next
		status.textContent = text
		view.render()
	}
	const turn = (to) => {
		mode = to
		if (act == 'retry') view.render()
		else say()
	}
	const focus = () => (list.querySelector(':enabled') ?? list).focus()
	const choose = () => {
		if (act == 'sending') return
		const {picks, strings: s} = poll.data, {length} = field.chosen()
		if (length >= picks.min && length <= picks.max) send()
		else {
			say(field.fault?.() || s.hint)
			focus()
		}
	}

	const send = async (selection = field.chosen(), vote = JSON.stringify(poll.vote), proof) => {
		if (act == 'sending') return
		say('', 'sending')
		const {strings: s} = poll.data
		const post = async () => {
			let mine = poll.reader(), {reader} = mine, reply, answer
			if (JSON.stringify(mine.votes[id]) != vote) return {mine, code: 1, selection: mine.votes[id]?.selection ?? []}
			if (!reader) mine.key ??= crypto.getRandomValues(new Uint32Array(4)).join('-')
			poll.reader(mine)
			try {
				reply = await fetch(poll.base + '/api/v1/polls/' + id + '/votes', {method: 'POST', credentials: 'omit', signal: AbortSignal.timeout(2e4),
					body: JSON.stringify({selection, article: article(), reader, idempotency_key: mine.key, proof, assertion: host.getAttribute('reader-assertion')})})
				if (reply.status == 401) poll.reader({votes: mine.votes})
				answer = await reply.json()
				if (answer.challenge && !proof) {
					proof = await (await import(poll.base + '/w/1.proof.js?' + failures)).default(answer.challenge)
					return post()
				}
			} catch {}
			mine = poll.reader()
			const {selection: to, receipt, reader: token, results_url: url, status} = answer ?? {}
			if (to) {
				mine.votes[id] = to[0] && {selection: to, url, receipt, held: status == 'held'}
				poll.reader(receipt ? {reader: token, votes: mine.votes} : mine)
			}
			return {mine, reply, ...answer}
		}
		const {mine, reply, selection: to, receipt, code, results, reason} = await (async () => navigator.locks.request('pollsvc', post))().catch(post), why = s['error_' + reason]
		if (to) {
			failures = 0
			mode = undefined
			poll.take({results})
			say(code ? s.already : mine.votes[id] ? mine.votes[id].held ? s.held : s.thanks : s.withdrawn)
			if (receipt) tell('vote', {selection: to, receipt})
		} else if (!reply || reply.ok || reply.status == 401 || reply.status > 427) {
			say(why ?? (reply ? s.busy : s.offline), 'retry')
			retry = setTimeout(selection[0] ? choose : send, patience(reply), selection, vote)
		} else {
			bring([poll])
			say(why ?? s.refused)
		}
	}

	root.adoptedStyleSheets = [sheet]
	root.replaceChildren(box)
	poll.views.set(host, view)
	if (poll.base) new IntersectionObserver((entries) => {
		view.seen = entries.at(-1).isIntersecting
		setTimeout(beat)
	}, {rootMargin: '500px'}).observe(host)
	else box.append('pollsvc: no src')
	if (poll.data) view.render()
}

customElements.define('pollsvc-poll', class extends HTMLElement {
	static observedAttributes = ['poll']
	connectedCallback() { mount(this) }
	disconnectedCallback() { forget(this) }
	attributeChangedCallback() { mount(this) }
})

const adopt = () => document.querySelectorAll('div[data-pollsvc]').forEach((place) => place.shadowRoot || mount(place))
adopt()
new MutationObserver(adopt).observe(document, {childList: true, subtree: true})
for (const type of ['pointermove', 'keydown', 'scroll']) addEventListener(type, () => active = Date.now(), true)
addEventListener('pointerdown', ({target}) => target.closest?.('a') && Object.values(streams).forEach((stream) => stream?.onerror()))
document.addEventListener('visibilitychange', beat)
setInterval(beat, 1e3)
})()
