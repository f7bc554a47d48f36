// The page on which readers check the receipt of their vote in their own browser; what proves it is in proofs.js.
// The receipt stays here; only its poll and the number of its leaf are asked for.

import {agrees, grew, headOf, headSigned, leafHash, readHead, readKeys, readReceipt, receiptSigned, unpack} from './proofs.js'

/** @typedef {import('./proofs.js').Fine} Fine */
/** @typedef {import('./proofs.js').Receipt} Receipt */
/** @typedef {import('./proofs.js').Ballot} Ballot */
/** @typedef {import('./proofs.js').Head} Head */
/** @typedef {import('./proofs.js').Keys} Keys */
/** @typedef {{position: number, path: string[]}} Proof */
/** @typedef {'waiting' | 'proven' | 'base' | 'past' | 'not' | 'unknown'} Verdict */
/** @typedef {(verdict: Verdict, said?: string, more?: string) => void} Tell */

const place = /** @type {HTMLElement} */ (document.getElementById('verify'))
const field = /** @type {HTMLTextAreaElement} */ (place.querySelector('textarea'))
/** @type {{poll: string, log: string, words: Record<string, string>, labels: Record<string, string>}} */
const {poll, log, words, labels} = JSON.parse(place.dataset.verify ?? '')
const ROWS = ['choice', 'signature', 'log', 'grown']
const SEALED_IN = 15, CACHED_FOR = 6  // seconds, and tries: leaves wait to be sealed, and answers are kept on the way

const pause = () => new Promise((done) => setTimeout(done, 1000))

/** The log's answer; null for what it does not have. Throws an Error when it does not answer. */
const ask = async (path = '') => {
	const reply = await fetch(log + path, {credentials: 'omit', cache: 'no-store'})
	if (reply.ok) return reply
	if (reply.status === 404 || reply.status === 400) return null
	throw new Error(`${reply.status} ${path}`)
}
const askKeys = async () => readKeys(await (await ask('/keys'))?.json())

/** What `good` finds in the log's keys; false is asked for again, for a newer key may not be among them yet. */
const withKeys = async (/** @type {(keys: Keys) => Promise<Fine>} */ good) => {
	for (let tries = CACHED_FOR; ; tries--) {
		const keys = await askKeys(), found = await good(keys)
		if (found !== false || tries < 2) return {keys, found}
		await pause()
	}
}

/** The newest head and a leaf's place under it; what is not there after a while is null. */
const findLeaf = async (number = 0, wait = () => {}) => {
	let head = null
	for (let tries = SEALED_IN; ; tries--) {
		const note = await (await ask('/checkpoint'))?.text()
		if (note) {
			head = readHead(note)
			const proof = await ask(`/inclusion?poll=${poll}&number=${number}&size=${head.size}`)
			if (proof) return {head, proof: /** @type {Proof} */ (await proof.json())}
		}
		if (tries < 2) return {head, proof: null}
		wait()
		await pause()
	}
}

/** Whether the one of two heads that is newer holds all that the other one has. */
const extend = async (/** @type {Head} */ one, /** @type {Head} */ other) => {
	const [old, now] = one.size > other.size ? [other, one] : [one, other]
	if (old.size === now.size) return grew(old, now, [])
	for (let tries = CACHED_FOR; ; tries--) {
		const proof = await ask(`/consistency?from=${old.size}&size=${now.size}`)
		if (proof) return grew(old, now, (await proof.json()).path.map(unpack))
		if (tries < 2) return false  // the log has less than it once showed
		await pause()
	}
}

// What this browser keeps of the log: the last head that it saw, and the first key.
const name = `pollsvc log ${log}`
const kept = () => {
	try {
		const {note, first} = JSON.parse(localStorage[name])
		return {head: readHead(note), first}
	} catch {
		return null
	}
}
const keep = (/** @type {Head} */ {note}, first = '') => {
	try {
		localStorage[name] = JSON.stringify({note, first})
		return true
	} catch {
		return false
	}
}

const judge = (/** @type {Fine} */ fine) => fine ? 'proven' : fine === null ? 'unknown' : 'not'
const choose = (/** @type {Fine} */ fine, proven = '', not = '') => fine ? proven : fine === null ? words.old_browser : not

/** Whether a later leaf has taken the place of this one, by the service's word; false where it does not say. */
const replaced = async (number = 0) => {
	const reply = await ask(`/standing?poll=${poll}&number=${number}`).catch(() => null)
	return (await reply?.json())?.stands === false
}

const checkChoice = async (/** @type {Receipt} */ receipt, /** @type {Ballot} */ ballot, /** @type {Tell} */ tell) => {
	const fine = await agrees(receipt, ballot)
	if (!fine) return tell(judge(fine), words.altered, receipt.leaf)
	if (await replaced(ballot.number)) tell('past', words.replaced, receipt.leaf)
	else tell('proven', '', receipt.leaf)
}

const checkSignature = async (/** @type {Receipt} */ receipt, /** @type {Promise<unknown>} */ sealed, /** @type {Tell} */ tell) => {
	const listed = async (/** @type {Keys} */ {known}) => known.some(({name}) => name === receipt.key)
	let keys = await askKeys()
	if (!await listed(keys)) {
		await sealed.catch(() => {})  // a new key is among the others with the first head that it signs
		keys = (await withKeys(listed)).keys
	}
	const found = await receiptSigned(receipt, keys)
	tell(judge(found), choose(found, words.signed, words.unsigned), `${receipt.key}\n${receipt.signature}`)
}

const checkLog = async (/** @type {Receipt} */ {leaf}, /** @type {ReturnType<typeof findLeaf>} */ sealed, /** @type {Tell} */ tell) => {
	const {head, proof} = await sealed
	if (!head || !proof) return tell('not', words.unsealed, head?.note)
	const top = await headOf(BigInt(proof.position), head.size, await leafHash(leaf), proof.path.map(unpack))
	if (!top || String(top) !== String(head.root)) return tell('not', words.unsealed, head.note)
	const {found} = await withKeys((keys) => headSigned(head, keys))
	tell(judge(found), choose(found, words.logged, words.head_unsigned), head.note)
}

const checkGrown = async (/** @type {ReturnType<typeof findLeaf>} */ sealed, /** @type {Tell} */ tell) => {
	const {head} = await sealed, before = kept()
	if (!head) return tell(before ? 'not' : 'unknown', before ? words.rewritten : words.away, before?.head.note)
	const {keys, found} = await withKeys((keys) => headSigned(head, keys)), first = keys.known[0]?.name
	if (!before) {
		if (found === false) return tell('unknown', words.head_unsigned)
		return keep(head, first) ? tell('base', words.first_visit, head.note) : tell('unknown', words.forgets)
	}
	const older = before.head
	const whole = before.first === first && older.origin === head.origin && await headSigned(older, keys) !== false && await extend(older, head)
	if (!whole) return tell('not', words.rewritten, `${older.note}\n${head.note}`)
	if (found !== false && head.size > older.size) keep(head, first)
	tell('proven', words.grown, `${older.note}\n${head.note}`)
}

/** What was chosen, each in a direction of its own, whether it counted, and when it was recorded. */
const said = (/** @type {Ballot} */ {selection, status, minute}, stands = true) => {
	const apart = (content = '') => {
		const bdi = document.createElement('bdi')
		bdi.textContent = content
		return bdi
	}
	const chosen = selection.split(/[,>]/).filter(Boolean).flatMap((id) => [' · ', apart(labels[id] ?? id)]).slice(1)
	const when = new Intl.DateTimeFormat(document.documentElement.lang, {dateStyle: 'medium', timeStyle: 'short'}).format(minute * 6e4)
	return [...chosen.length ? [...chosen, stands ? ` — ${words[status]}` : ''] : [words.withdrawn], ' — ', apart(when)]
}

const show = (row = '', /** @type {Verdict} */ verdict, /** @type {(string | Node)[]} */ how, more = '') => {
	const line = /** @type {HTMLElement} */ (place.querySelector(`[data-check=${row}]`)), details = line.querySelector('details')
	line.dataset.verdict = verdict
	line.querySelector('.state')?.replaceChildren(words[verdict])
	line.querySelector('.how')?.replaceChildren(...how)
	if (details) {
		details.hidden = !more
		details.open = !!more && row === 'grown' && verdict === 'not'  // the heads that contradict each other
		details.querySelector('pre')?.replaceChildren(more)
	}
	place.querySelector(`[data-proof=${row}]`)?.classList.toggle('proven', verdict === 'proven')
}

let turns = 0, receipt = ''

/** Check a text that should be a receipt, and show each verdict; what was checked before it is not shown any more. */
const check = async (given = '') => {
	const turn = ++turns, read = readReceipt(given, poll), status = /** @type {HTMLElement} */ (place.querySelector('.verdict'))
	const end = (checked = '', word = '') => {
		status.textContent = word
		place.dataset.checked = checked
	}
	end()
	place.classList.toggle('checking', !!read)
	receipt = read ? given : ''
	if (!read) return end('none', words.no_receipt)
	const {ballot} = read
	/** @type {Record<string, Verdict>} */
	const verdicts = {}
	const teller = (row = '') => (/** @type {Verdict} */ verdict, how = '', more = '') => {
		verdicts[row] = verdict
		if (turn === turns) show(row, verdict, row === 'choice' ? [...said(ballot, verdict !== 'past'), how && ` — ${how}`] : [how], more)
	}
	for (const row of ROWS) teller(row)('waiting')
	if (!crypto.subtle) for (const row of ROWS) teller(row)('unknown', words.insecure)
	else {
		const sealed = findLeaf(ballot.number, () => teller('log')('waiting', words.sealing))
		const steps = [
			checkChoice(read.receipt, ballot, teller('choice')),
			checkSignature(read.receipt, sealed, teller('signature')),
			checkLog(read.receipt, sealed, teller('log')),
			checkGrown(sealed, teller('grown')),
		]
		await Promise.all(steps.map((step, at) => step.catch(() => teller(ROWS[at])('unknown', words.away))))
	}
	if (turn !== turns) return
	const all = Object.values(verdicts)
	if (all.includes('not')) end('not', words.bad)
	else if (all.includes('unknown')) end('unknown', all.includes('proven') ? words.partly : words.unknown)
	else if (all.includes('past')) end('past', words.outdated)
	else end('proven', words.good)
}

place.querySelector('form')?.addEventListener('submit', (event) => {
	event.preventDefault()
	check(field.value)
})
place.querySelector('input[type=file]')?.addEventListener('change', async ({target}) => {
	const [file] = /** @type {HTMLInputElement} */ (target).files ?? []
	field.value = file && file.size < 1e6 ? await file.text() : ''
	check(field.value)
})
place.querySelector('.save')?.addEventListener('click', () => {
	const link = document.createElement('a')
	link.href = URL.createObjectURL(new Blob([receipt], {type: 'application/json'}))
	link.download = `receipt-${poll}.json`
	document.body.append(link)
	link.click()
	link.remove()
	setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
})
/** The receipt in the address, or the one that was there before the page was loaded anew. */
const fromAddress = () => {
	const given = location.hash.slice(1) || history.state?.receipt
	if (!given) return
	history.replaceState({receipt: given}, '', location.pathname + location.search)  // nobody who looks on, or copies the address, gets it
	try {
		field.value = decodeURIComponent(given)
	} catch {
		field.value = given
	}
	check(field.value)
}
fromAddress()
addEventListener('hashchange', fromAddress)
place.hidden = false
