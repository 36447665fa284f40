// Markup: HTML and SVG put together so that text from outside cannot become markup.
// Flow: page parts → [markup] → one string.
// Invariant: everything put into a template is escaped, unless it was made by `markup` itself; so nobody has to remember to.

import { printable } from '../printable.ts';

/** Text that is markup already: made by `markup`, or a constant of ours. */
export interface Markup {
  readonly markup: string;
}

/** What may stand in a template. Null, undefined and false are nothing; lists stand one after another. */
export type Part = string | number | null | undefined | false | Markup | readonly Part[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/** Tag of templates. Values of attributes stand in double quotes. */
export function markup(texts: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { markup: texts.map((text, at) => text + (at < parts.length ? partText(parts[at]) : '')).join('') };
}

/** Safe as text and between quotes; control characters and direction marks are shown as what they are. */
export function escapeMarkup(text: string): string {
  return printable(text).replace(/[&<>"'`]/g, (character) => ESCAPES[character] ?? '');
}

function partText(part: Part): string {
  if (part === null || part === undefined || part === false) return '';
  if (typeof part === 'string') return escapeMarkup(part);
  if (typeof part === 'number') return String(part);
  return 'markup' in part ? part.markup : part.map(partText).join('');
}

/** A table of text, header first; the first cell of a row names it. */
export function tableOf(caption: string, header: readonly string[], rows: readonly (readonly Part[])[]): Markup {
  const cells = (row: readonly Part[]) =>
    row.map((cell, at) => (at === 0 ? markup`<th scope="row">${cell}</th>` : markup`<td>${cell}</td>`));
  return markup`<div class="scroll"><table><caption>${caption}</caption>
<thead><tr>${header.map((title) => markup`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${rows.map((row) => markup`<tr>${cells(row)}</tr>\n`)}</tbody></table></div>
`;
}
