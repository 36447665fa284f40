// Meddling: what proxies shall do to the next request or response of an API; and who is left in peace.
// Flow: a fault arms a rule → every proxy asks [Meddling.claim] for each request → the first fitting one takes it.
// Invariant: a rule is used once. Clients that watch the run (their ids begin with `watch`) are never meddled with.

import { APIS, type ApiName, type RequestHead } from './frames.ts';

export type Deed =
  /** The broker does it, and nobody hears. */
  | { readonly do: 'swallow' }
  /** The answer, and whatever is behind it on its connection, comes late. */
  | { readonly do: 'delay'; readonly ms: number }
  /** The broker does it, and says that it failed. */
  | { readonly do: 'rewrite'; readonly code: number }
  /** The connection breaks, and the request reaches the broker long after. */
  | { readonly do: 'late'; readonly ms: number }
  /** The request never reaches the broker; `reached` is called when it is held. */
  | { readonly do: 'hold'; readonly reached: (head: RequestHead) => void };

export interface Rule {
  readonly api: ApiName;
  readonly deed: Deed;
  /** Default: whoever comes first. */
  readonly applies?: (head: RequestHead) => boolean;
}

export const WATCHERS = 'watch';

export function isWatcher(clientId: string): boolean {
  return clientId.startsWith(WATCHERS);
}

export class Meddling {
  readonly #rules = new Set<Rule>();

  arm(rule: Rule): void {
    this.#rules.add(rule);
  }

  /** @returns whether it was still waiting for its request */
  disarm(rule: Rule): boolean {
    return this.#rules.delete(rule);
  }

  armed(rule: Rule): boolean {
    return this.#rules.has(rule);
  }

  /** The rule for this request, which is used up by it. */
  claim(head: RequestHead): Rule | null {
    if (isWatcher(head.clientId)) return null;
    for (const rule of this.#rules) {
      if (APIS[rule.api].key !== head.apiKey || rule.applies?.(head) === false) continue;
      this.#rules.delete(rule);
      return rule;
    }
    return null;
  }
}
