// Lines: chunks of UTF-8 bytes as lines of text, those of one chunk together, so that what was typed goes out at once.

import { MillraceError } from '../../../shared/domain/errors.ts';

/** Longest line, characters: a request of the largest size and its wrapping. */
export const LINE_CHARS_MAX = 8 * 1_048_576;

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** Lines that are not blank, ended by LF or CRLF. @throws USAGE for a line beyond LINE_CHARS_MAX */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Line[], void, void> {
  const decoder = new TextDecoder();
  let rest = '';
  let number = 0;
  const take = (texts: readonly string[]): Line[] => {
    const lines = texts.map((text) => ({ number: ++number, text: text.replace(/\r$/, '') }));
    return lines.filter(({ text }) => text.trim() !== '');
  };
  for await (const chunk of chunks) {
    const texts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = texts.pop() ?? '';
    if (rest.length > LINE_CHARS_MAX) {
      throw new MillraceError('USAGE', {
        detail: `line ${number + texts.length + 1} is longer than ${LINE_CHARS_MAX}`,
      });
    }
    const lines = take(texts);
    if (lines.length > 0) yield lines;
  }
  const last = take([rest + decoder.decode()]);
  if (last.length > 0) yield last;
}
