// The widget's third file, asked for when a vote takes a proof of work: it solves ALTCHA challenges (version 2).
// The work is WebCrypto's, which does it beside the page's own thread.

const AT_ONCE = 64
const bytes = (/** @type {string} */ hex) => Uint8Array.from(hex.match(/../g) ?? [], (two) => parseInt(two, 16))
const hex = (/** @type {ArrayBuffer} */ data) => [...new Uint8Array(data)].map((byte) => byte.toString(16).padStart(2, '0')).join('')

/** @type {Proof} The proof as base64; empty where the browser can make none: then the vote waits for review. */
export default async (challenge) => {
	const {nonce, salt, cost, keyLength, keyPrefix} = challenge.parameters, start = bytes(nonce)
	const derive = async (counter = 0) => {
		const password = new Uint8Array(start.length + 4)
		password.set(start)
		new DataView(password.buffer).setUint32(start.length, counter)
		const key = await crypto.subtle.importKey('raw', password, 'PBKDF2', false, ['deriveBits'])
		return hex(await crypto.subtle.deriveBits({name: 'PBKDF2', hash: 'SHA-256', salt: bytes(salt), iterations: cost}, key, keyLength * 8))
	}
	if (crypto.subtle) for (let first = 0; first < 1e6; first += AT_ONCE) {
		const derived = await Promise.all(Array.from({length: AT_ONCE}, (_, place) => derive(first + place)))
		const place = derived.findIndex((key) => key.startsWith(keyPrefix))
		if (place >= 0) return btoa(JSON.stringify({challenge, solution: {counter: first + place, derivedKey: derived[place]}}))
	}
	return ''
}
