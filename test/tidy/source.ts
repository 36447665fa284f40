// Source: what the tidy rules see of a file: its text, its code without comments and strings, its imports, its functions.
// Method: a scanner of a few states, no parser: the tree is formatted by Biome, so indentation says where a block ends.

import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';

export interface Source {
  /** Path from the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  /** The text with comments and the insides of strings blanked; lines and columns are kept. */
  readonly code: string;
}

export interface Import {
  readonly line: number;
  readonly specifier: string;
  /** Path of the file for a relative import, else null. */
  readonly target: string | null;
}

export interface FunctionSpan {
  /** First line of its signature, from 1. */
  readonly line: number;
  readonly lines: number;
}

const SKIPPED = new Set(['node_modules', 'dist', '.git', '.cache', 'coverage']);

export function sourceOf(path: string, text: string): Source {
  return { path, text, code: blanked(text) };
}

/** Every file under `root` whose name ends with one of `endings`. */
export function readSources(root: string, endings: readonly string[]): Source[] {
  const paths: string[] = [];
  const walk = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) walk(path);
      else if (entry.isFile() && endings.some((ending) => entry.name.endsWith(ending))) paths.push(path);
    }
  };
  walk(root);
  return paths.sort().map((path) => sourceOf(relative(root, path).replaceAll('\\', '/'), readFileSync(path, 'utf8')));
}

/** Line (from 1) of each match of `pattern` in `text`. */
export function linesOf(text: string, pattern: RegExp): number[] {
  return text.split('\n').flatMap((line, index) => (pattern.test(line) ? [index + 1] : []));
}

const IMPORTS = [
  /^(?:import|export)\b[^;'()]*?\bfrom\s+'([^'\n]*)'/gm,
  /^import\s+'([^'\n]*)'/gm,
  /\bimport\(\s*'([^'\n]*)'/g,
];

export function importsOf({ path, text, code }: Source): Import[] {
  const matches = IMPORTS.flatMap((pattern) => [...text.matchAll(pattern)]);
  return (
    matches
      // Only where the keyword is code, not a word in a comment or string.
      .filter((match) => code[match.index] === text[match.index])
      .map((match) => {
        const specifier = match[1] ?? '';
        const relativeTo = posix.join(posix.dirname(path), specifier);
        const line = text.slice(0, match.index).split('\n').length;
        return { line, specifier, target: specifier.startsWith('.') ? relativeTo : null };
      })
  );
}

/** Functions and methods with a block body of more than one line, outermost and nested alike. */
export function functionsOf({ code }: Source): FunctionSpan[] {
  const lines = code.split('\n');
  const spans: FunctionSpan[] = [];
  for (const [index, line] of lines.entries()) {
    if (!opensFunction(line)) continue;
    const indent = indentOf(line);
    const closes = lines.findIndex((later, at) => at > index && indentOf(later) === indent && /^\s*\}/.test(later));
    if (closes < 0) continue;
    const first = signatureStart(lines, index, indent);
    spans.push({ line: first + 1, lines: closes - first + 1 });
  }
  return spans;
}

function opensFunction(line: string): boolean {
  // `} {`: the end of a return type of several lines; `): {` is where one begins.
  if (/=>\s*\{$/.test(line) || /^\s*\} \{$/.test(line)) return true;
  if (/\): \{$/.test(line) || !/\)(?::.*)?\s\{$/.test(line)) return false;
  return !/^\s*(?:\}\s*)?(?:if|else|for|while|switch|catch|do|try|class|interface)\b/.test(line);
}

/** A signature over several lines ends with `): … {` at the indentation where it began. */
function signatureStart(lines: readonly string[], end: number, indent: number): number {
  if (!/^\s*[)}\]]/.test(lines[end] ?? '')) return end;
  for (let at = end - 1; at >= 0; at--) {
    const line = lines[at] ?? '';
    if (line.trim() !== '' && indentOf(line) === indent && !/^\s*[)}\]]/.test(line)) return at;
  }
  return end;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** Replaces comments and the insides of string, template and regex literals by spaces. */
function blanked(text: string): string {
  const out = text.split('');
  const blank = (from: number, to: number) => {
    for (let at = from; at < to; at++) if (out[at] !== '\n') out[at] = ' ';
  };
  /** Depth of braces inside each open `${`. */
  const templates: number[] = [];
  let at = 0;
  while (at < text.length) {
    const two = text.slice(at, at + 2);
    const one = text[at] ?? '';
    if (two === '//' || two === '/*') {
      const end = two === '//' ? text.indexOf('\n', at) : text.indexOf('*/', at) + 2;
      const stop = end < at ? text.length : end;
      blank(at, stop);
      at = stop;
    } else if (one === "'" || one === '"' || (one === '/' && regexMayStart(text, at))) {
      const end = literalEnd(text, at, one);
      blank(at + 1, end);
      at = end + 1;
    } else if (one === '`' || (one === '}' && templates.at(-1) === 0)) {
      if (one === '}') templates.pop();
      const end = templateEnd(text, at + 1);
      blank(at + 1, end);
      if (text[end] === '$') templates.push(0);
      at = text[end] === '$' ? end + 2 : end + 1;
    } else {
      const depth = templates.at(-1);
      if (depth !== undefined && one === '{') templates[templates.length - 1] = depth + 1;
      if (depth !== undefined && one === '}') templates[templates.length - 1] = depth - 1;
      at++;
    }
  }
  return out.join('');
}

function regexMayStart(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 80), at).trimEnd();
  return before === '' || /[(,=:[!&|?{};>]$/.test(before) || /\b(?:return|case|typeof)$/.test(before);
}

/** Index of the quote or slash that ends the literal that begins at `at`. */
function literalEnd(text: string, at: number, quote: string): number {
  let inClass = false;
  for (let end = at + 1; end < text.length; end++) {
    const one = text[end];
    if (one === '\\') end++;
    else if (one === '\n') return end;
    else if (quote === '/' && one === '[') inClass = true;
    else if (quote === '/' && one === ']') inClass = false;
    else if (one === quote && !inClass) return end;
  }
  return text.length;
}

/** Index of the backtick that ends a template, or of the `$` of its next `${`. */
function templateEnd(text: string, from: number): number {
  for (let end = from; end < text.length; end++) {
    if (text[end] === '\\') end++;
    else if (text[end] === '`' || text.slice(end, end + 2) === '${') return end;
  }
  return text.length;
}
