// The names that the widget's JSDoc refers to, kept here so that readers need not download them.

type Results = {
  version: number; voters: number; picks: number; held: number; excluded: number;
  options: {id: number; count: number}[]; other: number; mean: number | null;
};

type Option_ = {id: number; label: string; emoji?: string; image?: {url: string; alt: string}};

type PollData = {
  id: string; site: string; kind: string; state: 'scheduled' | 'open' | 'closed';
  question: {text: string; lang: string; dir: string};
  options: Option_[]; retired: Option_[];
  picks: {min: number; max: number}; order: string; write_in: boolean; rare: boolean;
  opens_at?: string; closes_at?: string; now: string; origins: string[];
  visibility: string; allow_change: boolean; percent_from: number; replaced_by?: {id: string};
  results?: Results; live: string; url: string; strings: Record<string, any>;
};

/** The reader's own vote, as this browser keeps it. */
type Vote = {selection: number[]; url?: string; receipt?: object; held?: boolean};

/** What this browser keeps of one reader for one site. */
type Reader = {reader?: string; key?: string; votes: Record<string, Vote | undefined>};

/** One poll of a server in a language, however many elements show it. `data` is there after the first answer. */
type Poll = {data: PollData; vote?: Vote};

/** An option's line; `mine` and `count` where they are not those of the option with this id. */
type Row = (option: {id: number; label: string; mine?: () => boolean | undefined; count?: () => number}) => HTMLElement;

/** How a form is read: its selection, what is wrong with it, and what is said before what percentages are of. */
type Field = {chosen: () => (number | string)[]; fault?: () => string; note: () => string};

/** The widget's second file: it fills the list of a poll's form. `result` says whether the result is shown. */
type Rare = (form: {
  poll: Poll; host: Element; mount: (host: Element) => void; root: ShadowRoot; field: Field; list: HTMLElement;
  h: H; row: Row; number: (n: number) => string; say: (text: string) => void; result: () => boolean;
}) => void;

/** What a service asks of a browser before a vote counts (ALTCHA, version 2); bytes are in hexadecimal. */
type Challenge = {
  parameters: {nonce: string; salt: string; cost: number; keyLength: number; keyPrefix: string};
  signature: string;
};
type Proof = (challenge: Challenge) => Promise<string>;

/** Makes an element; a property that is a function is asked again at each render. */
type H = <T extends keyof HTMLElementTagNameMap>(
  tag: T, props: object, ...children: (Node | string)[]
) => HTMLElementTagNameMap[T];

interface ParentNode {
  querySelector(selector: 'link[rel=canonical]'): HTMLLinkElement | null;
}
interface PointerEvent { readonly target: EventTarget }
interface Array<T> { at(index: -1): T }
interface EventTarget { closest?(selector: string): Element | null }
interface SVGScriptElement { src: string }
declare namespace Intl { interface RelativeTimeFormat { format(value: number, unit: string): string } }
