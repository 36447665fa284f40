// Schemas: the Avro files and the domain's own schemas name the same fields, and every field is documented.
// Method: field paths of each side, compared; rollouts through the strategies' parser, which the codec may not import.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ZodType, z } from 'zod';
import { SCHEMA_NAMES, type SchemaName } from '../shared/codec/schemas.ts';
import { controlArbitraries } from '../shared/codec/testing/control-values.ts';
import { cutSchema } from '../shared/domain/cut.ts';
import { endpointSchema } from '../shared/domain/endpoint.ts';
import { rolloutEventSchema } from '../shared/domain/event.ts';
import { commandSchema } from '../shared/domain/rollout.ts';
import { routePlanSchema } from '../shared/domain/route-plan.ts';
import { workerSchema } from '../shared/domain/worker.ts';
import { parseRollout, STRATEGIES } from '../shared/strategies/registry.ts';

const pairs: readonly (readonly [SchemaName, readonly ZodType[]])[] = [
  ['endpoint', [endpointSchema]],
  ['command', [commandSchema]],
  ['route-plan', [routePlanSchema]],
  ['cut', [cutSchema]],
  ['worker', [workerSchema]],
  ['event', [rolloutEventSchema]],
  ['rollout', STRATEGIES.map((strategy) => strategy.schema)],
];

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

function zodPaths(schema: JsonSchema, path = ''): string[] {
  const branches = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.items ? [schema.items] : [])];
  const fields = Object.entries(schema.properties ?? {});
  return [
    ...branches.flatMap((branch) => zodPaths(branch, path)),
    ...fields.flatMap(([name, field]) => [`${path}.${name}`, ...zodPaths(field, `${path}.${name}`)]),
  ];
}

/** A type as an .avsc file writes it: a name, a union, or a definition. */
type AvroSchema =
  | string
  | readonly AvroSchema[]
  | {
      readonly type: AvroSchema;
      readonly name?: string;
      readonly items?: AvroSchema;
      readonly fields?: readonly { readonly name: string; readonly type: AvroSchema }[];
    };

const textOf = (name: SchemaName) => readFileSync(new URL(`../schemas/${name}.avsc`, import.meta.url), 'utf8');
const files = new Map<SchemaName, AvroSchema>(SCHEMA_NAMES.map((name) => [name, JSON.parse(textOf(name))]));
const named = new Map<string, AvroSchema>();
for (const name of SCHEMA_NAMES) {
  JSON.parse(textOf(name), (_, value) => {
    if (value?.fields !== undefined) named.set(value.name, value);
    return value;
  });
}

function avroPaths(schema: AvroSchema | undefined, path = ''): string[] {
  if (schema === undefined) return [];
  if (typeof schema === 'string') return avroPaths(named.get(schema), path);
  if ('map' in schema) return schema.flatMap((branch) => avroPaths(branch, path));
  const fields = schema.fields ?? [];
  return [
    ...avroPaths(schema.items, path),
    ...fields.flatMap(({ name, type }) => [`${path}.${name}`, ...avroPaths(type, `${path}.${name}`)]),
  ];
}

const unique = (paths: readonly string[]) => [...new Set(paths)].sort();

describe('the Avro schemas', () => {
  it.each(pairs)('%s has the fields of the domain, no more and no less', (name, schemas) => {
    const domain = schemas.flatMap((schema) => zodPaths(z.toJSONSchema(schema) as JsonSchema));
    expect(unique(avroPaths(files.get(name)))).toEqual(unique(domain));
  });

  it('document every record and field', () => {
    for (const name of SCHEMA_NAMES) {
      const undocumented: string[] = [];
      JSON.parse(textOf(name), (_, value) => {
        if (value?.name !== undefined && (typeof value.doc !== 'string' || !value.doc.endsWith('.'))) {
          undocumented.push(value.name);
        }
        return value;
      });
      expect(undocumented, `${name}.avsc`).toEqual([]);
    }
  });

  it('hold every rollout that the strategies accept', () => {
    fc.assert(
      fc.property(controlArbitraries.rollout, (value) => {
        expect(parseRollout(value)).toEqual(value);
      }),
    );
  });

  it('are all listed in schemas/README.md, in the order in which they are to be parsed', () => {
    const readme = readFileSync(new URL('../schemas/README.md', import.meta.url), 'utf8');
    const order = /`(\w+)\.avsc` and `(\w+)\.avsc` stand alone.*?one parser: ([^.]+)\./s.exec(
      readme.replaceAll('\n', ' '),
    );
    const [, first, second, others] = order ?? [];
    expect([first, second, ...(others ?? '').split(', ')]).toEqual(SCHEMA_NAMES);
    // A signature is no record of a topic.
    const ofTopics = SCHEMA_NAMES.filter((name) => name !== 'signature');
    for (const name of ofTopics) expect(readme).toContain(`](${name}.avsc)`);
  });
});
