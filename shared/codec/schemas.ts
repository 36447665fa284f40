// Schemas: the published schemas/*.avsc, loaded once. The only file that imports avsc.
// Flow: avro.ts and control.ts take a type from here; avsc writes, our own bounded reader reads (avro-read.ts).
// Invariant: what Millrace reads and writes as Avro is what the folder schemas/ says.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import avsc, { type Type } from 'avsc';
import { assert } from '../domain/errors.ts';

/** In an order in which every file refers only to types of earlier files (schemas/README.md). */
export const SCHEMA_NAMES = [
  'request',
  'prediction',
  'signature',
  'endpoint',
  'rollout',
  'command',
  'route-plan',
  'cut',
  'worker',
  'event',
  'shadow-mark',
  'label',
  'keyed-label',
  'totals',
  'metric-window',
  'comparison',
] as const;
export type SchemaName = (typeof SCHEMA_NAMES)[number];

/** Folders between this module and the repository's root: `shared/codec`, or `dist/shared/codec`. */
const LEVELS_UP_MAX = 4;

const types = loadAll();

/** The avsc type of schemas/`name`.avsc. */
export function avroType(name: SchemaName): Type {
  const type = types.get(name);
  assert(type !== undefined, `schema ${name} is loaded`);
  return type;
}

function loadAll(): ReadonlyMap<SchemaName, Type> {
  const folder = schemaFolder();
  const registry: Record<string, Type> = {};
  return new Map(
    SCHEMA_NAMES.map((name) => {
      const schema = JSON.parse(readFileSync(join(folder, `${name}.avsc`), 'utf8'));
      return [name, avsc.Type.forSchema(schema, { registry })];
    }),
  );
}

function schemaFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (let level = 0; level < LEVELS_UP_MAX; level++) {
    const schemas = join(folder, 'schemas');
    if (existsSync(join(schemas, 'request.avsc'))) return schemas;
    folder = dirname(folder);
  }
  assert(false, `no schemas folder within ${LEVELS_UP_MAX} folders above ${import.meta.url}`);
}
