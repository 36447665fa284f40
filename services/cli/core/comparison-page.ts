// ComparisonPage: comparisons as one HTML page that needs nothing else: no script, no request, light and dark.
// Flow: ComparisonReport, images of requests → [comparisonPage] → a file.
// Invariant: the same arguments give the same bytes; all text from outside goes through `markup`.

import type { ComparisonReport, FieldReport, PairReport } from '../../../shared/comparison/report.ts';
import { cardsOf } from './comparison-page/cards.ts';
import { barsChart } from './comparison-page/charts.ts';
import { agreementOf, disagreement, isBaseline, judge, netFields, noiseFloor } from './comparison-page/judgement.ts';
import { type Markup, markup, tableOf } from './comparison-page/markup.ts';
import { countText, numberText, shareText, timeText } from './comparison-page/numbers.ts';
import { COUNT_TITLES, countCells, FIELD_TITLES, fieldCells, SIDE_TITLES, sideCells } from './comparison-page/said.ts';
import type { GreyImage } from './image-of.ts';

export interface PageOptions {
  readonly images: ReadonlyMap<string, GreyImage>;
  readonly among: readonly ComparisonReport[];
}

const STYLE: Markup = {
  markup: `:root{color-scheme:light dark;--ink:#1a1c20;--paper:#fff;--dim:#5a606b;--line:#d5d9e0;--live:#2563eb;--shadow:#c2410c;--good:#15803d;--warn:#b45309}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaee;--paper:#15171b;--dim:#a3aab5;--line:#383d46;--live:#6ea8fe;--shadow:#fb923c;--good:#4ade80;--warn:#fbbf24}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:70rem;margin:2rem auto;padding:0 1rem}
.verdict{border-left:.4rem solid var(--dim);padding:.2rem 1rem;font-size:1.2rem}.good{border-color:var(--good)}.warn{border-color:var(--warn)}
.dim,caption,text{color:var(--dim);fill:var(--dim);font-size:.85rem}.scroll{overflow-x:auto}table{border-collapse:collapse;margin:.7rem 0;font-variant-numeric:tabular-nums}
caption{text-align:left;white-space:nowrap}th,td{padding:.2rem .6rem;border-bottom:1px solid var(--line);text-align:right}th:first-child{text-align:left}
figure{display:inline-block;width:min(100%,30rem);margin:.5rem 1rem .5rem 0}svg{width:100%}.live{fill:var(--live);opacity:.35}.shadow{fill:none;stroke:var(--shadow);stroke-width:2}.hit{fill:transparent}
.key::before{content:"■ "}.live-key::before{color:var(--live)}.shadow-key::before{color:var(--shadow)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(16rem,1fr));gap:1rem}article{border:1px solid var(--line);border-radius:.5rem;padding:.8rem;overflow-wrap:anywhere}h4{margin:.3rem 0}img{image-rendering:pixelated}`,
};

/**
 * @param options `images`: by source, pictures of the requests that the examples name; `among`: comparisons of the same endpoints, in
 *        which the noise baseline may be
 */
export function comparisonPage(reports: readonly ComparisonReport[], options: PageOptions): string {
  const title = `Comparison of ${[...new Set(reports.map(({ endpoint }) => endpoint))].join(', ') || 'nothing'}`;
  return markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head>
<body><main><h1>${title}</h1>
${reports.length === 0 && markup`<p class="verdict">No pairs: there is no comparison yet.</p>`}
${reports.map((report) => section(report, options))}</main></body></html>
`.markup;
}

function section(report: ComparisonReport, { images, among }: PageOptions): Markup {
  const family = among.filter(({ endpoint }) => endpoint === report.endpoint);
  const { mood, headline, warnings } = judge(report, family);
  return markup`<section><h2>${report.endpoint}: run ${report.run}</h2>
<div class="verdict ${mood}"><p>${headline}</p>${warnings.length > 0 && markup`<ul>${warnings.map((each) => markup`<li>${each}</li>`)}</ul>`}</div>
${tableOf('What the join counted, in requests', ['coverage', ...COUNT_TITLES], [[shareText(report.coverage), ...countCells(report)]])}
${report.pairs.map((pair) => pairPart(pair, family))}${cardsOf(report, images)}</section>
`;
}

function pairPart(pair: PairReport, family: readonly ComparisonReport[]): Markup {
  const sides = [pair.live, ...(pair.shadow === null ? [] : [pair.shadow])];
  const name = `v${pair.live.version}${pair.shadow === null ? ' alone' : ` and v${pair.shadow.version}`}`;
  const sideRows = sides.map((side, at) => [
    `${at === 0 ? 'live' : 'shadow'} v${side.version}`,
    ...sideCells(pair, side),
  ]);
  const fieldRows = netFields(pair, family).map((field) => [field.name, ...fieldCells(field)]);
  return markup`<h3>${name}${isBaseline(pair) && ': noise baseline'}</h3>
<p>${countText(pair.pairs)} pairs; all fields within tolerance in ${shareText(pair.agreement)}; disagreement ${shareText(disagreement(agreementOf(pair)))}, noise floor ${shareText(noiseFloor(pair, family), 'no baseline')}.</p>
${tableOf('Both sides', ['side', ...SIDE_TITLES], sideRows)}
${tableOf('Fields; distances net of chance and of the noise baseline', ['field', ...FIELD_TITLES], fieldRows)}
${pair.fields.map((field) => barsChart(`Scores of ${field.name}`, field.scores, numberText))}${barsChart('Scoring time', pair.scoringBars, timeText)}
${pair.fields.map(confusionPart)}`;
}

/** Heat by share of the row, so that rare classes show as well. */
function confusionPart({ name, classes, confusion }: FieldReport): Markup | false {
  if (classes.length === 0 || confusion.length === 0) return false;
  const rows = confusion.map((row, at) => {
    const total = row.reduce((sum, count) => sum + count, 0) || 1;
    const cells = row.map((count, column) => {
      const heat = (0.6 * Math.sqrt(count / total)).toFixed(2);
      return markup`<td style="background:rgb(${column === at ? '37 99 235' : '234 88 12'}/${heat})">${countText(count)}</td>`;
    });
    return markup`<tr><th scope="row">live ${classes[at]}</th>${cells}</tr>\n`;
  });
  return markup`<div class="scroll"><table><caption>Confusion of ${name}: live class by row, shadow class by column</caption>
<thead><tr><th scope="col">class</th>${classes.map((each) => markup`<th scope="col">${each}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>
`;
}
