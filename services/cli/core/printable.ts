// Printable: text that came from a topic or a file, made safe for a terminal and cut to a width.
// Invariant: no control character, escape sequence or direction mark of a record ever reaches the terminal.

/** C0, DEL, C1, line and paragraph separators, direction marks and isolates. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** `text` on one line, every unsafe character as `\u{…}`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** `printable`, with at most `charsMax` characters, the last one an ellipsis when something was cut. */
export function clipped(text: string, charsMax: number): string {
  // Longer input is cut before it is walked: a record may be a megabyte.
  const characters = [...printable(text.slice(0, 4 * charsMax + 16))];
  return characters.length <= charsMax ? characters.join('') : `${characters.slice(0, charsMax - 1).join('')}…`;
}

/** Characters that a terminal shows for `text`, colours aside. */
export function shownLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: our own colour sequences are what is looked for
  return [...text.replace(/\u001b\[\d+m/g, '')].length;
}
