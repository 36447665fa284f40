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

describe('on days on which the clock is changed, a window', () => {
  const gate = (timeZone: string, from: string, to: string, days: readonly string[] = []) =>
    gateOf({ kind: 'batch', timeZone, windows: [{ days, from, to }] });
  const stateAt = (of: Gate, time: string) => {
    const state = gateState(of, at(time));
    if (!state.open || state.batch === null) return 'closed';
    return `${state.batch.name}, since ${new Date(state.batch.beganMs).toISOString()}`;
  };

  it.each([
    ['2026-03-28T22:59:00Z', 'closed'],
    ['2026-03-28T23:00:00Z', '2026-03-29 00:00, since 2026-03-28T23:00:00.000Z'],
    ['2026-03-29T01:30:00Z', '2026-03-29 00:00, since 2026-03-28T23:00:00.000Z'],
    ['2026-03-29T03:59:00Z', '2026-03-29 00:00, since 2026-03-28T23:00:00.000Z'],
    ['2026-03-29T04:00:00Z', 'closed'],
  ])('is one, an hour shorter in spring: %s → %s', (time, state) => {
    expect(stateAt(gate('Europe/Berlin', '00:00', '06:00', ['sun']), time)).toBe(state);
    expect(stateAt(gate('Europe/Berlin', '00:00', '06:00'), time)).toBe(state);
  });

  it.each([
    ['2026-10-24T22:00:00Z', '2026-10-25 00:00, since 2026-10-24T22:00:00.000Z'],
    ['2026-10-25T00:30:00Z', '2026-10-25 00:00, since 2026-10-24T22:00:00.000Z'],
    ['2026-10-25T01:30:00Z', '2026-10-25 00:00, since 2026-10-24T22:00:00.000Z'],
    ['2026-10-25T04:59:00Z', '2026-10-25 00:00, since 2026-10-24T22:00:00.000Z'],
    ['2026-10-25T05:00:00Z', 'closed'],
  ])('is one, an hour longer in autumn: %s → %s', (time, state) => {
    expect(stateAt(gate('Europe/Berlin', '00:00', '06:00', ['sun']), time)).toBe(state);
    expect(stateAt(gate('Europe/Berlin', '00:00', '06:00'), time)).toBe(state);
  });

  it.each([
    ['2026-03-28T21:00:00Z', '2026-03-28 22:00, since 2026-03-28T21:00:00.000Z'],
    ['2026-03-29T03:30:00Z', '2026-03-28 22:00, since 2026-03-28T21:00:00.000Z'],
    ['2026-03-29T04:00:00Z', 'closed'],
    ['2026-10-25T04:30:00Z', '2026-10-24 22:00, since 2026-10-24T20:00:00.000Z'],
    ['2026-10-25T05:00:00Z', 'closed'],
  ])('over midnight belongs to the evening before: %s → %s', (time, state) => {
    expect(stateAt(gate('Europe/Berlin', '22:00', '06:00', ['sat']), time)).toBe(state);
  });

  it.each([
    ['2026-10-25T00:10:00Z', '2026-10-25 02:00, since 2026-10-25T00:00:00.000Z'],
    ['2026-10-25T01:10:00Z', '2026-10-25 02:00, since 2026-10-25T00:00:00.000Z'],
  ])('that begins in the hour that comes twice began the first time: %s → %s', (time, state) => {
    expect(stateAt(gate('Europe/Berlin', '02:00', '02:30'), time)).toBe(state);
  });

  it('that lies in the hour that is left out does not open, and one that begins there opens behind it', () => {
    const times = ['2026-03-29T00:59:00Z', '2026-03-29T01:00:00Z'];
    expect(times.map((time) => stateAt(gate('Europe/Berlin', '02:10', '02:50'), time))).toEqual(['closed', 'closed']);
    expect(times.map((time) => stateAt(gate('Europe/Berlin', '02:30', '04:00'), time).slice(0, 16))).toEqual([
      'closed',
      '2026-03-29 02:30',
    ]);
  });

  it.each([
    // Half an hour is left out, and comes twice.
    ['Australia/Lord_Howe', '2026-10-03T17:00:00Z', '2026-10-04 00:00, since 2026-10-03T13:30:00.000Z'],
    ['Australia/Lord_Howe', '2026-10-03T18:59:00Z', '2026-10-04 00:00, since 2026-10-03T13:30:00.000Z'],
    ['Australia/Lord_Howe', '2026-10-03T19:00:00Z', 'closed'],
    ['Australia/Lord_Howe', '2026-04-04T19:29:00Z', '2026-04-05 00:00, since 2026-04-04T13:00:00.000Z'],
    ['Australia/Lord_Howe', '2026-04-04T19:30:00Z', 'closed'],
    ['Asia/Kolkata', '2026-11-28T18:29:00Z', 'closed'],
    ['Asia/Kolkata', '2026-11-28T18:30:00Z', '2026-11-29 00:00, since 2026-11-28T18:30:00.000Z'],
    ['Asia/Kathmandu', '2026-11-29T00:14:59Z', '2026-11-29 00:00, since 2026-11-28T18:15:00.000Z'],
    ['Asia/Kathmandu', '2026-11-29T00:15:00Z', 'closed'],
  ])('or in a zone of half hours is right to the minute: %s, %s → %s', (timeZone, time, state) => {
    expect(stateAt(gate(timeZone, '00:00', '06:00', ['sun']), time)).toBe(state);
  });
});

it('of the kind batch names each run once, for as long as its window lasts', () => {
  const batch = gateOf({ kind: 'batch', windows: [{ from: '23:00', to: '02:00' }] });
  const runs = ['2026-11-26T23:00:00Z', '2026-11-27T01:59:00Z', '2026-11-27T23:30:00Z'].map((time) =>
    gateState(batch, at(time)),
  );
  expect(runs).toEqual([
    { open: true, batch: { name: '2026-11-26 23:00', beganMs: Date.parse('2026-11-26T23:00:00Z') } },
    { open: true, batch: { name: '2026-11-26 23:00', beganMs: Date.parse('2026-11-26T23:00:00Z') } },
    { open: true, batch: { name: '2026-11-27 23:00', beganMs: Date.parse('2026-11-27T23:00:00Z') } },
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
