// Charts: two distributions over the same bins as one SVG: live filled, shadow as a line.
// Flow: Bars → [barsChart] → page.
// Invariant: each side is drawn as shares of its own total; every bin has the same width, whatever its edges.

import type { Bars } from '../../../../shared/comparison/report.ts';
import { type Markup, markup } from './markup.ts';
import { countText } from './numbers.ts';

const WIDTH = 480;
const HEIGHT = 120;

/** @param edgeText how an edge is written */
export function barsChart(title: string, bars: Bars, edgeText: (edge: number) => string): Markup {
  const used = bars.live.map((count, at) => (count + (bars.shadow[at] ?? 0) > 0 ? at : -1)).filter((at) => at >= 0);
  const [from, to] = [used[0], used.at(-1)];
  if (from === undefined || to === undefined) return markup`<p class="dim">${title}: nothing was counted.</p>`;
  const shares = (counts: readonly number[]) => {
    const total = counts.reduce((sum, count) => sum + count, 0) || 1;
    return counts.slice(from, to + 1).map((count) => count / total);
  };
  const [live, shadow] = [shares(bars.live), shares(bars.shadow)];
  const top = Math.max(...live, ...shadow);
  const step = WIDTH / live.length;
  // The square root keeps tails visible beside a tall bar.
  const y = (share: number) => (HEIGHT * (1 - Math.sqrt(share / top))).toFixed(1);
  const path = (side: readonly number[]) =>
    side.map((share, at) => `L${(at * step).toFixed(1)} ${y(share)}H${((at + 1) * step).toFixed(1)}`).join('');
  const edges = [bars.edges[from] ?? 0, bars.edges[to + 1] ?? 0];
  return markup`<figure><svg viewBox="-2 -4 ${WIDTH + 4} ${HEIGHT + 24}" role="img"><title>${title}</title>
<path class="live" d="M0 ${HEIGHT}${path(live)}V${HEIGHT}Z"/><path class="shadow" d="M0 ${HEIGHT}${path(shadow)}V${HEIGHT}"/>
${live.map((_, at) => markup`<rect class="hit" x="${(at * step).toFixed(1)}" y="0" width="${step.toFixed(1)}" height="${HEIGHT}"><title>${edgeText(bars.edges[from + at] ?? 0)} … ${edgeText(bars.edges[from + at + 1] ?? 0)}: live ${countText(bars.live[from + at] ?? 0)}, shadow ${countText(bars.shadow[from + at] ?? 0)}</title></rect>`)}
<text x="0" y="${HEIGHT + 16}">${edgeText(edges[0] ?? 0)}</text><text x="${WIDTH}" y="${HEIGHT + 16}" text-anchor="end">${edgeText(edges[1] ?? 0)}</text></svg>
<figcaption>${title} <span class="key live-key">live</span> <span class="key shadow-key">shadow</span> <span class="dim">(square-root scale)</span></figcaption></figure>
`;
}
