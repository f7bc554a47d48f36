// The names that the widget's JSDoc refers to, kept here so that readers need not download them.

type Results = {
  version: number; voters: number; picks: number; held: number; excluded: number;
  options: {id: number; count: number}[];
};

type PollData = {
  id: string; site: string; kind: string; state: 'scheduled' | 'open' | 'closed';
  question: {text: string; lang: string; dir: string};
  options: {id: number; label: string; emoji?: string}[];
  picks: {min: number; max: number};
  opens_at?: string; closes_at?: string; now: string;
  away: boolean; visibility: string; allow_change: boolean; percent_from: number;
  results?: Results; live: string; url: string; strings: Record<string, any>;
};

/** The reader's own vote, as this browser keeps it. */
type Vote = {selection: number[]; url?: string; receipt?: object};

/** What this browser keeps of one reader for one site. */
type Reader = {reader?: string; key?: string; votes: Record<string, Vote | undefined>};

/** One poll, however many elements show it. `data` is there after the first answer. */
type Poll = {
  state(): PollData["state"]; take(news: Partial<PollData>): void; reveal(): Promise<void>; reader(change?: Reader): Reader;
  id: string; data: PollData; views: Map<Element, View>;
  asked?: boolean; vote?: Vote; skew: number;
};

/** A poll in an element. */
type View = {seen: boolean; render(news?: boolean): void; fill(found?: PollData[]): void};

type H = <T extends keyof HTMLElementTagNameMap>(
  tag: T, props?: object, ...children: (Node | string)[]
) => HTMLElementTagNameMap[T];

interface ParentNode {
  querySelector(selector: 'link[rel=canonical]'): HTMLLinkElement | null;
  querySelector(selector: 'script[src*="/w/1."]'): HTMLScriptElement | null;
  querySelectorAll(selector: '[data-pollsvc]'): NodeListOf<HTMLElement>;
}
