// SpecFile: YAML or JSON text, one or several documents → endpoints and rollouts, or every problem with its place.
// Flow: files → [readSpecs] → `apply`, `dev`. Checked by the schemas that the controller uses.
// Invariant: all problems of all files at once; one problem and nothing is a spec.

import { type Document, isMap, isScalar, LineCounter, parseAllDocuments } from 'yaml';
import type { z } from 'zod';
import { type Endpoint, endpointSchema } from '../../../shared/domain/endpoint.ts';
import { rolloutBaseSchema } from '../../../shared/domain/rollout.ts';
import { type Rollout, STRATEGIES } from '../../../shared/strategies/registry.ts';
import { printable } from './printable.ts';
import { sizeProblem } from './spec-size.ts';

export interface SpecText {
  /** As the user named it; stands before every problem. */
  readonly file: string;
  readonly text: string;
}

export type Spec =
  | { readonly kind: 'endpoint'; readonly place: string; readonly value: Endpoint }
  | { readonly kind: 'rollout'; readonly place: string; readonly value: Rollout };

export interface Specs {
  /** Endpoints before rollouts, each in the order of the files; empty when there are problems. */
  readonly specs: readonly Spec[];
  /** `file:line:col: path: message` each, by file and place. */
  readonly problems: readonly string[];
}

/** Documents of one file. */
const DOCUMENTS_MAX = 128;
const KINDS = ['endpoint', 'rollout'] as const;
const NAMES = STRATEGIES.map((strategy) => strategy.name).join(', ');

interface Problem {
  readonly line: number;
  readonly col: number;
  readonly words: string;
}

/** Checks every document of every file. */
export function readSpecs(files: readonly SpecText[]): Specs {
  const specs: Spec[] = [];
  const problems: string[] = [];
  for (const { file, text } of files) {
    const found = readFile({ file, text });
    specs.push(...found.specs);
    const sorted = [...found.problems].sort((a, b) => a.line - b.line || a.col - b.col);
    problems.push(...sorted.map(({ line, col, words }) => `${file}:${line}:${col}: ${printable(words)}`));
  }
  problems.push(...repeated(specs));
  if (problems.length > 0) return { specs: [], problems };
  return { specs: KINDS.flatMap((kind) => specs.filter((spec) => spec.kind === kind)), problems };
}

function readFile({ file, text }: SpecText): { readonly specs: Spec[]; readonly problems: Problem[] } {
  const start = { line: 1, col: 1 };
  const specs: Spec[] = [];
  const problems: Problem[] = [];
  const fail = (words: string) => ({ specs, problems: [{ ...start, words }] });
  const tooMuch = sizeProblem(text);
  if (tooMuch !== null) return fail(tooMuch);
  const lineCounter = new LineCounter();
  // Tags of other schemas give values that no JSON has, `!!binary` among them.
  const yaml = { lineCounter, prettyErrors: false, logLevel: 'error', resolveKnownTags: false } as const;
  const documents = parseAllDocuments(text, yaml);
  if (documents.length > DOCUMENTS_MAX) return fail(`more than ${DOCUMENTS_MAX} documents`);
  for (const document of documents) {
    const at = new Places(document, lineCounter);
    if (document.errors.length > 0) {
      problems.push(...document.errors.map(({ message, pos }) => ({ ...at.offset(pos[0]), words: message })));
    } else if (document.contents !== null && !isBlank(document)) {
      const found = readDocument(document, at);
      if ('problems' in found) problems.push(...found.problems);
      else specs.push({ ...found, place: `${file}:${at.of([]).line}:${at.of([]).col}` });
    }
  }
  return specs.length + problems.length === 0 ? fail('the file holds no endpoint and no rollout') : { specs, problems };
}

/** A document of nothing but comments. */
function isBlank({ contents }: Document): boolean {
  return isScalar(contents) && contents.value === null;
}

type Found<Kind> = Kind extends Spec['kind'] ? Omit<Extract<Spec, { kind: Kind }>, 'place'> : never;

function readDocument(document: Document, at: Places): Found<Spec['kind']> | { readonly problems: Problem[] } {
  const fail = (path: readonly PropertyKey[], words: string) => ({ problems: [at.problem(path, words)] });
  if (!isMap(document.contents)) return fail([], 'a document is a map of an endpoint or a rollout');
  let json: unknown;
  try {
    json = document.toJS({ maxAliasCount: 64 });
  } catch (error) {
    return fail([], error instanceof Error ? error.message : String(error));
  }
  const { kind: named, ...value } = json as Record<string, unknown>;
  const kind = kindOf(named, value);
  if (kind === null) return fail(['kind'], `the kind is one of ${KINDS.join(', ')}`);
  if (kind === 'endpoint') return checked(kind, endpointSchema.safeParse(value), at);
  const strategy = STRATEGIES.find(({ name }) => name === value.strategy);
  if (strategy !== undefined) return checked(kind, strategy.schema.safeParse(value), at);
  const words = value.strategy === undefined ? 'is missing' : `there is no strategy '${String(value.strategy)}'`;
  const base = rolloutBaseSchema.strip().safeParse(value);
  const others = base.success ? [] : base.error.issues.flatMap((issue) => problemsOf(issue, at));
  return { problems: [at.problem(['strategy'], `${words}: use one of ${NAMES}`), ...others] };
}

/** What a document is: by its `kind`, else a rollout when it names a candidate. Null for a kind that is none. */
function kindOf(named: unknown, value: Readonly<Record<string, unknown>>): Spec['kind'] | null {
  if (named === undefined) return 'candidate' in value || 'strategy' in value ? 'rollout' : 'endpoint';
  return KINDS.find((kind) => typeof named === 'string' && kind === named.toLowerCase()) ?? null;
}

function checked<Kind extends Spec['kind']>(
  kind: Kind,
  parsed: z.ZodSafeParseResult<Extract<Spec, { kind: Kind }>['value']>,
  at: Places,
): Found<Kind> | { readonly problems: Problem[] } {
  if (!parsed.success) return { problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, at)) };
  return { kind, value: parsed.data } as Found<Kind>;
}

function problemsOf(issue: z.core.$ZodIssue, at: Places): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => at.keyProblem([...issue.path, key], 'there is no such key'));
  }
  const missing = issue.code === 'invalid_type' && !at.has(issue.path);
  return [at.problem(issue.path, missing ? 'is missing' : issue.message)];
}

/** The same endpoint twice, or two rollouts of one: the second would undo the first. */
function repeated(specs: readonly Spec[]): string[] {
  const first = new Map<string, string>();
  return specs.flatMap(({ kind, place, value }) => {
    const name = `${kind} ${value.endpoint}`;
    const before = first.get(name);
    first.set(name, before ?? place);
    return before === undefined
      ? []
      : [`${place}: endpoint: there is a ${kind} of ${value.endpoint} at ${before} already`];
  });
}

/** Where the nodes of a document stand in its file. Lines and columns from 1. */
class Places {
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(document: Document, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  has(path: readonly PropertyKey[]): boolean {
    return this.#document.hasIn(path);
  }

  offset(offset: number): { readonly line: number; readonly col: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), col: Math.max(1, col) };
  }

  /** Of the value at `path`, or of what surrounds it when it is not there. */
  of(path: readonly PropertyKey[]): { readonly line: number; readonly col: number } {
    for (let length = path.length; length >= 0; length--) {
      const node: unknown = this.#document.getIn(path.slice(0, length), true);
      const range = rangeOf(node);
      if (range !== null) return this.offset(range);
    }
    return { line: 1, col: 1 };
  }

  problem(path: readonly PropertyKey[], words: string): Problem {
    return { ...this.of(path), words: `${path.join('.') || 'document'}: ${words}` };
  }

  /** At the key itself, not at its value. */
  keyProblem(path: readonly PropertyKey[], words: string): Problem {
    const map: unknown = this.#document.getIn(path.slice(0, -1), true);
    const pair = isMap(map)
      ? map.items.find(({ key }) => isScalar(key) && String(key.value) === path.at(-1))
      : undefined;
    const range = rangeOf(pair?.key);
    return { ...this.problem(path, words), ...(range === null ? {} : this.offset(range)) };
  }
}

function rangeOf(node: unknown): number | null {
  if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range)) return null;
  const [start] = node.range;
  return typeof start === 'number' ? start : null;
}
