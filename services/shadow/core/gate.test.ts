// Goal: a gate opens and closes when its users would say so, in their own time zone. Method: moments, by hand.

import { describe, expect, it } from 'vitest';
import { type Gate, gateSchema } from '../../../shared/domain/shadow.ts';
import { gateState } from './gate.ts';

const gateOf = (gate: unknown): Gate => gateSchema.parse(gate);
const at = (time: string, liveLag: number | null = 0) => ({ nowMs: Date.parse(time), liveLag });

it('is open always unless told otherwise', () => {
  expect(gateState(gateOf({}), at('2026-11-26T03:00:00Z'))).toEqual({ open: true, batch: null });
});

describe('a window', () => {
  const night = gateOf({ kind: 'windows', timeZone: 'Europe/Berlin', windows: [{ from: '22:00', to: '06:00' }] });

  it.each([
    ['2026-11-26T20:59:59Z', false],
    ['2026-11-26T21:00:00Z', true],
    ['2026-11-27T04:59:59Z', true],
    ['2026-11-27T05:00:00Z', false],
  ])('past midnight, in winter time: %s → %s', (time, open) => {
    expect(gateState(night, at(time)).open).toBe(open);
  });

  it.each([
    ['2026-07-01T19:59:59Z', false],
    ['2026-07-01T20:00:00Z', true],
    ['2026-07-02T04:00:00Z', false],
  ])('moves with summer time: %s → %s', (time, open) => {
    expect(gateState(night, at(time)).open).toBe(open);
  });

  it('belongs to the day on which it began', () => {
    const friday = gateOf({ kind: 'windows', windows: [{ days: ['fri'], from: '22:00', to: '06:00' }] });
    expect(gateState(friday, at('2026-11-27T23:00:00Z')).open).toBe(true);
    expect(gateState(friday, at('2026-11-28T05:00:00Z')).open).toBe(true);
    expect(gateState(friday, at('2026-11-28T23:00:00Z')).open).toBe(false);
    expect(gateState(friday, at('2026-11-27T05:00:00Z')).open).toBe(false);
  });

  it('whose ends are the same lasts a day', () => {
    const sunday = gateOf({ kind: 'windows', windows: [{ days: ['sun'], from: '12:00', to: '12:00' }] });
    expect(gateState(sunday, at('2026-11-29T12:00:00Z')).open).toBe(true);
    expect(gateState(sunday, at('2026-11-30T11:59:00Z')).open).toBe(true);
    expect(gateState(sunday, at('2026-11-30T12:00:00Z')).open).toBe(false);
  });
});

it('of the kind batch names each run once, for as long as its window lasts', () => {
  const batch = gateOf({ kind: 'batch', windows: [{ from: '23:00', to: '02:00' }] });
  const runs = ['2026-11-26T23:00:00Z', '2026-11-27T01:59:00Z', '2026-11-27T23:30:00Z'].map((time) =>
    gateState(batch, at(time)),
  );
  expect(runs).toEqual([
    { open: true, batch: '2026-11-26 23:00' },
    { open: true, batch: '2026-11-26 23:00' },
    { open: true, batch: '2026-11-27 23:00' },
  ]);
  expect(gateState(batch, at('2026-11-27T12:00:00Z'))).toEqual({ open: false });
});

it('of the kind low-lag is open while few live requests wait, and closed while nobody knows', () => {
  const gate = gateOf({ kind: 'low-lag', maxLiveLag: 100 });
  const open = [99, 100, null].map((liveLag) => gateState(gate, at('2026-11-26T00:00:00Z', liveLag)).open);
  expect(open).toEqual([true, false, false]);
});

it.each([
  { kind: 'windows' },
  { kind: 'batch', windows: [] },
  { kind: 'always', windows: [{ from: '01:00', to: '02:00' }] },
  { kind: 'windows', timeZone: 'Mars/Olympus', windows: [{ from: '01:00', to: '02:00' }] },
  { kind: 'windows', windows: [{ from: '24:00', to: '02:00' }] },
])('%j is no gate', (gate) => {
  expect(gateSchema.safeParse(gate).success).toBe(false);
});
