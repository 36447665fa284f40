// Control codec: what is written is read back, Avro and JSON say the same, and a bad record is refused with its place.
// Method: arbitrary sound values of every kind through JSON and through avsc; hand-written bad records.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assert } from '../domain/errors.ts';
import { type ControlKind, type ControlValues, decodeControl, encodeControl } from './control.ts';
import { avroType, SCHEMA_NAMES, type SchemaName } from './schemas.ts';
import { controlArbitraries } from './testing/control-values.ts';
import { looksLikeJson } from './text.ts';

const kinds = Object.keys(controlArbitraries) as ControlKind[];
const schemaOf = (kind: ControlKind): SchemaName => SCHEMA_NAMES.find((name) => name === kind) ?? 'route-plan';
const recordOf = (value: Uint8Array | null) => ({ topic: 'millrace.t', offset: 41, value, headers: [] });
const json = (value: unknown) => recordOf(new TextEncoder().encode(JSON.stringify(value)));
const sample = <Kind extends ControlKind>(kind: Kind, seed = 1): ControlValues[Kind] => {
  const [value] = fc.sample(controlArbitraries[kind] as fc.Arbitrary<ControlValues[Kind]>, { numRuns: 1, seed });
  assert(value !== undefined, 'there is a sample');
  return value;
};

describe.each(kinds)('a %s record', (kind) => {
  const arbitrary = controlArbitraries[kind] as fc.Arbitrary<ControlValues[ControlKind]>;

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        expect(decodeControl(kind, recordOf(encodeControl(kind, value)))).toEqual(value);
      }),
    );
  });

  it('says the same as Avro of its schema', () => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        const bytes = avroType(schemaOf(kind)).toBuffer(value);
        // Without a content-type the first bytes tell: a text of 5 or 16 bytes in front that begins with `{` looks like JSON.
        fc.pre(!looksLikeJson(bytes));
        expect(decodeControl(kind, recordOf(bytes))).toEqual(value);
      }),
    );
  });

  it('is refused with its place when it is not there, not JSON, or no object', () => {
    for (const record of [recordOf(null), recordOf(new Uint8Array()), recordOf(Buffer.from('{')), json([])]) {
      expect(() => decodeControl(kind, record)).toThrow('millrace.t@41 cannot be read');
    }
  });
});

describe('an unsound control record', () => {
  const reading = (kind: ControlKind, value: unknown) => () => decodeControl(kind, json(value));

  it('is refused by the path of its first bad field', () => {
    expect(reading('plan', { ...sample('plan'), revision: 0 })).toThrow('revision: ');
    expect(reading('cut', { ...sample('cut'), plan: { ...sample('plan'), lanes: { blue: 1, green: null } } })).toThrow(
      'plan.lanes.blue: ',
    );
    expect(reading('command', { ...sample('command'), verb: 'halt' })).toThrow('verb: ');
    expect(reading('worker', { ...sample('worker'), atMs: 'now' })).toThrow('atMs: ');
    expect(reading('event', { ...sample('event'), phase: 'odd' })).toThrow('phase: ');
  });

  it('is refused for an unknown key, __proto__ too', () => {
    expect(reading('endpoint', { endpoint: 'e', partition: 3 })).toThrow('"partition"');
    const value = Buffer.from('{"endpoint":"e","__proto__":{"partitions":3}}');
    expect(() => decodeControl('endpoint', recordOf(value))).toThrow('__proto__');
  });

  it('is refused when its plan breaks a rule, in a cut too', () => {
    const plan = { ...sample('plan'), shares: [{ lane: 'blue', weightBp: 9_000 }] };
    expect(reading('plan', plan)).toThrow('shares sum to 9000');
    expect(reading('cut', { ...sample('cut'), plan })).toThrow('shares sum to 9000');
  });

  it('is never written', () => {
    expect(() => encodeControl('cut', { ...sample('cut'), offset: -1 })).toThrow('offset');
  });
});

describe('an endpoint record', () => {
  it('gets its defaults when it says little', () => {
    expect(decodeControl('endpoint', json({ endpoint: 'digits' }))).toEqual({
      endpoint: 'digits',
      partitions: 4,
      delivery: 'exactly-once',
      road: 'lanes',
      ordering: 'per-key',
    });
  });
});
