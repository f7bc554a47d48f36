// What a receipt and the log prove, as docs/integrity.md says: data in, verdict out, no page and no network.
// Verdicts are true (proven), false (not proven) and null (this browser cannot tell).

/** @typedef {boolean | null} Fine */
/** @typedef {{poll: string, id: string, issued_at: string, number: number, leaf: string, first: number, count: number, path: string[], key: string, signature: string}} Receipt */
/** @typedef {{number: number, selection: string, status: string, minute: number}} Ballot */
/** @typedef {{origin: string, size: bigint, root: Uint8Array, body: string, signatures: {name: string, id: string, signature: Uint8Array<ArrayBuffer>}[], note: string}} Head */
/** @typedef {{id: string, raw: Uint8Array<ArrayBuffer>, name: string, since: number, trusted: Fine}} Key */
/** @typedef {{name: string, known: Key[]}} Keys */

const LONGEST = 100_000, HASH = 32
const LEAF = /^ballot\n(\w+)\n([1-9]\d{0,14})\n[\w-]{22}\n((?:\d+(?:[,>]\d+)*)?)\n(counted|held|excluded)\n[a-z_]*\n\d+\n(\d{1,9})\n$/
const text = new TextEncoder()

/** The bytes of base64; none where it is no base64. */
export const unpack = (base64 = '') => {
	try {
		return Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0))
	} catch {
		return new Uint8Array()
	}
}
export const pack = (/** @type {Uint8Array} */ bytes) => btoa(String.fromCharCode(...bytes))
const same = (/** @type {Uint8Array} */ one, /** @type {Uint8Array} */ other) => pack(one) === pack(other)
const hex = (/** @type {Uint8Array} */ bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
const join = (/** @type {Uint8Array[]} */ ...parts) => Uint8Array.from(parts.flatMap((part) => [...part]))
const both = (/** @type {Fine} */ one, /** @type {Fine} */ other) => one === false || other === false ? false : one && other

/** The hashes of RFC 9162, section 2.1.1. */
const sha256 = async (/** @type {Uint8Array<ArrayBuffer>} */ data) => new Uint8Array(await crypto.subtle.digest('SHA-256', data))
export const leafHash = (data = '') => sha256(join(Uint8Array.of(0), text.encode(data)))
const nodeHash = (/** @type {Uint8Array} */ left, /** @type {Uint8Array} */ right) => sha256(join(Uint8Array.of(1), left, right))
const hashes = (/** @type {Uint8Array[]} */ path) => path.every((hash) => hash.length === HASH)

/** The head of a tree by a leaf's path (RFC 9162, section 2.1.3.2); null when the path does not fit. */
export const headOf = async (index = 0n, size = 0n, hash = new Uint8Array(), /** @type {Uint8Array[]} */ path = []) => {
	let fn = index, sn = size - 1n
	if (fn < 0n || fn > sn || !hashes(path)) return null
	for (const beside of path) {
		if (!sn) return null
		if (fn & 1n || fn === sn) {
			hash = await nodeHash(beside, hash)
			while (fn && !(fn & 1n)) { fn >>= 1n; sn >>= 1n }
		} else hash = await nodeHash(hash, beside)
		fn >>= 1n
		sn >>= 1n
	}
	return sn ? null : hash
}

/** Whether a tree begins with an older one, neither of them empty (RFC 9162, section 2.1.4.2). */
export const grew = async (/** @type {Head} */ old, /** @type {Head} */ now, /** @type {Uint8Array[]} */ proof) => {
	if (old.size === now.size) return !proof.length && same(old.root, now.root)
	let fn = old.size - 1n, sn = now.size - 1n
	const path = old.size & fn ? proof : [old.root, ...proof]
	while (fn & 1n) { fn >>= 1n; sn >>= 1n }
	let [before] = path, after = before
	if (!before || !hashes(path)) return false
	for (const beside of path.slice(1)) {
		if (!sn) return false
		if (fn & 1n || fn === sn) {
			before = await nodeHash(beside, before)
			after = await nodeHash(beside, after)
			while (fn && !(fn & 1n)) { fn >>= 1n; sn >>= 1n }
		} else after = await nodeHash(after, beside)
		fn >>= 1n
		sn >>= 1n
	}
	return !sn && same(before, old.root) && same(after, now.root)
}

const verifies = async (/** @type {Uint8Array<ArrayBuffer>} */ key, message = '', /** @type {Uint8Array<ArrayBuffer>} */ signature) => {
	try {
		const made = await crypto.subtle.importKey('raw', key, 'Ed25519', false, ['verify'])
		return await crypto.subtle.verify('Ed25519', made, signature, text.encode(message))
	} catch {
		return false
	}
}
/** Whether this browser knows Ed25519: it has to find the first example of RFC 8032, section 7.1, good. */
const knowsEd25519 = () => verifies(unpack('11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='), '',
	unpack('5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18FlbviRlUUFDjnoQCw=='))

/** Whether an Ed25519 signature is good (RFC 8032). */
const signed = async (/** @type {Uint8Array<ArrayBuffer>} */ key, message = '', /** @type {Uint8Array<ArrayBuffer>} */ signature) =>
	await verifies(key, message, signature) || (await knowsEd25519() ? false : null)

/** The log's keys, oldest first; each is trusted when all up to it were signed over by the one before. */
export const readKeys = async (/** @type {{log: string, keys: {key: string, since: number, signature: string | null}[]}} */ {log, keys}) => {
	/** @type {Key[]} */
	const known = []
	for (const {key, since, signature} of keys) {
		const [owner, id, ...rest] = key.split('+'), blob = unpack(rest.join('+')), raw = blob.slice(1), name = pack(raw)
		const before = known.at(-1), right = hex((await sha256(join(text.encode(`${log}\n`), blob))).slice(0, 4))
		/** @type {Fine} */
		let trusted = owner === log && id === right && blob[0] === 1 && (before ? since >= before.since : since === 0)
		if (before) {
			const handover = `pollsvc.handover\n${log}\n${since}\n${name}\n`
			trusted = both(both(trusted, before.trusted), await signed(before.raw, handover, unpack(signature ?? '')))
		}
		known.push({id, raw, name, since, trusted})
	}
	return /** @type {Keys} */ ({name: log, known})
}

/** A signed head from text (C2SP tlog-checkpoint). Throws an Error when it is none. */
export const readHead = (note = '') => {
	const end = note.indexOf('\n\n') + 1, body = note.slice(0, end), [origin, size, root] = body.split('\n')
	if (!origin || !/^[1-9]\d{0,17}$/.test(size ?? '')) throw new Error('no checkpoint')
	const signatures = note.slice(end + 1).split('\n').map((line) => {
		const [, name, blob] = line.split(' '), bytes = unpack(blob)
		return {name, id: hex(bytes.slice(0, 4)), signature: bytes.slice(4)}
	})
	return /** @type {Head} */ ({origin, size: BigInt(size), root: unpack(root), body, signatures, note})
}

/** Whether the log's key of its time has signed a head: one that was retired since signs no newer ones. */
export const headSigned = async (/** @type {Head} */ {origin, size, body, signatures}, /** @type {Keys} */ {name, known}) => {
	const key = known.filter(({since}) => since < size).at(-1)
	const line = signatures.find((one) => one.name === name && one.id === key?.id)
	return !!key && !!line && origin === name && both(key.trusted, await signed(key.raw, body, line.signature))
}

/** Whether one of the log's keys has signed a receipt. */
export const receiptSigned = async (/** @type {Receipt} */ {poll, number, leaf, first, count, path, key, signature}, /** @type {Keys} */ {known}) => {
	const root = await headOf(BigInt(number - first), BigInt(count), await leafHash(leaf), path.map(unpack))
	const by = known.find(({name}) => name === key)
	const message = root && `pollsvc.receipt\n${poll}\n${first}\n${count}\n${pack(root)}\n`
	return !!by && !!message && both(by.trusted, await signed(by.raw, message, unpack(signature)))
}

/** Whether a receipt says of its leaf what the leaf says. */
export const agrees = async (/** @type {Receipt} */ {id, issued_at, number, leaf}, /** @type {Ballot} */ ballot) => {
	const name = pack((await leafHash(leaf)).slice(0, 16)).slice(0, 22).replaceAll('+', '-').replaceAll('/', '_')
	return id === name && number === ballot.number && Date.parse(issued_at) === ballot.minute * 6e4
}

/** A receipt from text, with the ballot in its leaf; null when it is none of a vote in this poll. */
export const readReceipt = (given = '', poll = '') => {
	try {
		/** @type {Receipt} */
		const found = given.length > LONGEST ? null : JSON.parse(given), {first, count, number, path, leaf} = found
		const whole = [first, count, number].every((one) => Number.isSafeInteger(one) && one > 0)
		const texts = [found.id, found.issued_at, leaf, found.key, found.signature, ...path].every((one) => typeof one === 'string')
		const [, of, own, selection, status, minute] = LEAF.exec(leaf) ?? []
		if (!whole || !texts || !Array.isArray(path) || path.length > 63 || found.poll !== poll || of !== poll) return null
		return {receipt: found, ballot: /** @type {Ballot} */ ({number: Number(own), selection, status, minute: Number(minute)})}
	} catch {
		return null
	}
}
