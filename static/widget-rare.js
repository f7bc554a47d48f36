// What few polls need of the widget: ranks, scales, emoji, images, written answers, chance, and options that are gone.
const sheet = new CSSStyleSheet()
sheet.replaceSync(`
label:has(img),:is(.rating,.reaction,.ranked) label{display:grid;grid-template:auto/1.2em 1fr minmax(3em,auto);gap:.6em}
label:has(img)>b,:is(.rating,.reaction,.ranked) b{position:static}
.ranked b{grid-area:1/1}
label:has(img)>:not(img){grid-row:2}
label:has(img)>:is(input,b){grid-column:1}
img{grid-area:1/1/auto/-1;inline-size:100%;aspect-ratio:3/2;object-fit:cover;border-radius:.3em}
ul:has(img){grid-template-columns:repeat(auto-fit,minmax(min(11em,100%),1fr))}
.rating,.reaction{gap:.4em;grid-template-columns:repeat(5,1fr)}
.reaction{grid-template-columns:repeat(auto-fit,minmax(6em,1fr))}
:is(.rating,.reaction) label{grid-template:auto/1fr;gap:.3em;justify-items:center;align-content:start;padding-block:.6em;block-size:100%;text-align:center}
:is(.rating,.reaction) label>*{grid-area:auto;justify-self:center;margin:0;text-align:center}
:is(.rating,.reaction) label>:is(input,b){grid-area:1/1}
:is(.rating,.reaction) label>span{min-inline-size:0}
form:not(.result) i{visibility:hidden}
:is(.rating,.reaction) i{inset:auto 0 0;inline-size:auto;block-size:var(--s)}
.rating label{padding-inline:0}
.rating bdi{font-size:1.2em;font-weight:700}
.reaction bdi{white-space:pre-line}
.reaction bdi::first-line{font-size:2em;line-height:1.4}
fieldset{container-type:inline-size}
.ranked label{grid-template-columns:1.6em 1fr auto;touch-action:auto}
.ranked b{inline-size:1.6em;text-align:center;line-height:1.2}
.grip{cursor:grab;touch-action:none;color:var(--a)}
.ranked label>span,.tools{grid-area:1/3}
.tools{display:flex;justify-content:end;gap:.1em}
.tools button{min-block-size:2.4em;inline-size:2.3em;padding:0;line-height:1;text-decoration:none;border:var(--l)}
.tools :disabled{opacity:.35;cursor:default}
@container(width<15em){label:has(img)>bdi{grid-column:2/-1}:is(label:has(img),.ranked label)>span,.ranked .tools{grid-area:3/1/auto/-1}.rating label>span{white-space:pre-wrap;block-size:4.5em}.rating label>span::first-line{font-size:1em}}
@container(width>28em){.rating:has(:nth-child(6)){grid-template-columns:repeat(10,1fr)}}
.ranked li[data-rank]{border-color:var(--a)}
.dragged{z-index:1;opacity:.85;background:Canvas}
.own{position:absolute;inset:.3em .5em .3em 2.9em;inline-size:auto;padding-inline:.5em;border-block-end:1px solid;border-radius:0}
.ranked .own{inset-inline:2.9em 3.6em}
.note{border:0}`)

/** @type {Rare} */
export default ({poll, host, mount, root, field, list, h, row, number, say, result}) => {
	const {kind, options, retired, order, write_in, replaced_by, results, picks, strings: s} = poll.data
	if (replaced_by) queueMicrotask(() => {
		host.setAttribute('poll', replaced_by.id)
		mount(host)
	})
	root.adoptedStyleSheets.push(sheet)
	list.className = kind

	/** An option's line, and what hangs on it. */
	const line = (option = options[0], more = {}) => {
		const {id, emoji = '', image, label} = option
		const text = kind == 'rating' ? number(id) : kind == 'reaction' ? emoji + '\n' + label : (emoji && emoji + ' ') + label
		const item = row({id, label: text, ...more})
		if (image) part(item, 'label').prepend(h('img', {src: image.url, alt: image.alt, loading: 'lazy', decoding: 'async'}))
		return item
	}
	const part = (item = list, selector = '') => /** @type {HTMLElement} */ (item.querySelector(selector))
	const chance = new Map(options.map(({id}) => [id, Math.random()]))
	const shown = [...options]
	if (order == 'shuffled') shown.sort((a, b) => /** @type {number} */ (chance.get(a.id)) - /** @type {number} */ (chance.get(b.id)))
	const items = new Map(shown.map((option) => [option.id, line(option)]))
	list.append(...items.values())
	const mean = () => poll.data.results?.mean ?? (result() ? 0 : 9.99)  // in the form, for its room
	field.note = () => kind == 'rating' && mean() ? s.mean.replace('{mean}', number(mean())) + ' · ' : ''

	const gone = retired.filter(({id}) => !results || results.options.some((option) => option.id == id))
	for (const option of gone) {
		const item = line(option)
		part(item, 'input').remove()
		part(item, 'bdi').append(h('small', {}, ' · ' + s.retired))
		list.append(item)
	}

	const text = h('input', {className: 'own a', type: 'text', ariaLabel: s.own_label, placeholder: s.own, maxLength: 100, dir: 'auto', autocomplete: 'off',
		disabled: result, ariaDescription: s.own_hint})
	const written = () => text.value.trim()
	const known = new Set([...options, ...retired].map(({id}) => id))
	if (write_in || results?.other) {
		const item = row({id: 0, label: s.other, count: () => poll.data.results?.other ?? 0, mine: () => poll.vote?.selection.some((id) => !known.has(id))})
		if (write_in) {
			const pick = /** @type {HTMLInputElement} */ (part(item, 'input'))
			pick.ariaLabel = s.own
			part(item, 'bdi').className = 'b'
			text.oninput = () => { pick.checked = !!written() }
			item.append(text)
			items.set(0, item)
			list.append(item, h('li', {className: 'note a'}, h('small', {}, s.own_hint)))
		} else {
			part(item, 'input').remove()
			list.append(item)
		}
	}
	const picked = field.chosen
	field.chosen = () => picked().map((id) => id || written()).filter(Boolean)
	field.fault = () => picked().includes(0) && !written() ? s.error_no_text : ''
	if (kind == 'ranked') rank()

	/** Ranks are given by buttons, or by dragging. */
	function rank() {
		const voted = () => (poll.vote?.selection ?? []).map((id) => known.has(id) ? id : 0)
		const ranked = () => voted().filter((id) => items.has(id) && (id || written()))
		let ranks = ranked()
		const name = (id = 0) => options.find((option) => option.id == id)?.label ?? (written() || s.own)
		const sorted = () => [...ranks, ...[...items.keys()].filter((id) => !ranks.includes(id))]
		const arrange = (to = [0]) => {
			ranks = to
			for (const id of sorted()) list.insertBefore(/** @type {Node} */ (items.get(id)), list.children[sorted().indexOf(id)])
		}
		const place = (id = 0, to = -1) => {
			const others = ranks.filter((other) => other != id)
			if (to >= 0) others.splice(to, 0, id)
			if (others.length > picks.max || (!id && to >= 0 && !written())) return say(id ? s.hint : s.error_no_text)
			arrange(others)
			const rank = ranks.indexOf(id)
			say((rank < 0 ? s.rank_none : s.rank_is).replace('{name}', () => name(id)).replace('{rank}', number(rank + 1)))
		}

		for (const [id, item] of items) {
			const at = () => (result() && poll.vote ? voted() : ranks).indexOf(id)
			/** @type {(sign: string, label: string, to: () => number, hidden: () => boolean, off?: () => boolean) => HTMLElement} */
			const button = (sign, label, to, hidden, off = () => false) => {
				const made = h('button', {type: 'button', textContent: sign, hidden, disabled: () => result() || hidden() || off(), ariaLabel: () => label.replace('{name}', () => name(id)),
					onclick: () => {
						place(id, to())
						const tools = [...item.querySelectorAll('button')].filter((one) => !one.disabled)
						;(tools.includes(made) ? made : tools[0])?.focus()
					}})
				return made
			}
			part(item, 'input').remove()
			part(item, 'label').setAttribute('for', '')  // or a click on its text would press the first button
			part(item, 'b').replaceWith(h('b', {
				role: 'img', className: 'grip', textContent: () => at() < 0 ? result() ? '' : '⠿' : number(at() + 1),
				ariaLabel: () => s.my_rank.replace('{rank}', number(at() + 1)), ariaHidden: () => String(at() < 0),
				onpointerdown: drag(id, item),
			}))
			part(item, 'label').append(h('div', {className: 'tools a', title: () => {
				if (at() < 0) delete item.dataset.rank
				else item.dataset.rank = String(at() + 1)
				return ''
			}},
				button('+', s.rank_add, () => ranks.length, () => at() >= 0, () => ranks.length >= picks.max),
				button('↑', s.rank_up, () => at() - 1, () => at() < 0, () => !at()),
				button('↓', s.rank_down, () => at() + 1, () => at() < 0, () => at() == ranks.length - 1),
				button('✕', s.rank_out, () => -1, () => at() < 0)))
		}
		h('p', {title: () => {  // a result shows the vote that stands, which may be another tab's
			if (result() && poll.vote && String(ranked()) != String(ranks)) arrange(ranked())
			return ''
		}})
		field.chosen = () => ranks.map((id) => id || written()).filter(Boolean)
		field.fault = () => ranks.includes(0) && !written() ? s.error_no_text : ''

		/** @type {(id: number, item: HTMLElement) => (event: PointerEvent) => void} */
		function drag(id, item) {
			return ({target, pointerId, clientY}) => {
				if (result() || !(target instanceof Element)) return
				const grip = /** @type {HTMLElement} */ (target), others = [...items.values()].filter((other) => other != item)
				const middle = (box = item) => box.getBoundingClientRect().top + box.offsetHeight / 2
				let moved = false
				grip.setPointerCapture(pointerId)
				grip.onpointermove = (event) => {
					moved = true
					item.classList.add('dragged')
					item.style.transform = `translateY(${event.clientY - clientY}px)`
				}
				grip.onpointerup = grip.onpointercancel = ({type}) => {
					const to = others.filter((other) => middle(other) < middle()).length
					grip.onpointermove = grip.onpointerup = grip.onpointercancel = null
					item.style.transform = ''
					item.classList.remove('dragged')
					if (moved && type == 'pointerup') place(id, Math.min(to, ranks.filter((other) => other != id).length))
				}
			}
		}
	}
}
