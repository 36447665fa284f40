// Goal: what a join counts is a matter of its inputs alone: not of their interleaving, of duplicates, of the order within the
//       window, nor of when it was ended and begun again.
// Method: random histories with gaps, duplicates, late ones and labels; every count is also computed the plain way.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Join, type Labelled } from './join.ts';
import { JOIN_START, type JoinState, NO_COUNTS } from './join-state.ts';
import type { Field, Outcome } from './outcome.ts';
import type { Side } from './pending.ts';

const FIELDS: readonly Field[] = [{ name: 'y', kind: 'number', size: 1, atol: 0, rtol: 0 }];
const WINDOW = 8;
const LABEL_WINDOW = 12;

type Arrival =
  | { readonly kind: 'live' | 'shadow'; readonly source: number; readonly offset: number }
  | { readonly kind: 'done' | 'skipped'; readonly from: number; readonly to: number; readonly offset: number }
  | { readonly kind: 'label'; readonly source: number; readonly requestsEnd: number; readonly offset: number };

const outcome = (source: number, side: Side): Outcome => ({
  version: side === 'live' ? 1 : 2,
  error: null,
  scoringUs: source,
  rows: 1,
  values: [Float64Array.of(side === 'live' ? source : -source)],
});

class Run {
  readonly matched: string[] = [];
  readonly labelled: string[] = [];
  join: Join;

  constructor(paired = true, state?: JoinState) {
    this.join = this.open(paired, state);
    if (state === undefined && paired) this.join.begin(0);
  }

  open(paired: boolean, state: JoinState = JOIN_START): Join {
    return new Join(
      {
        fields: FIELDS,
        paired,
        window: WINDOW,
        labelWindow: LABEL_WINDOW,
        onMatch: ({ source, live, shadow }) =>
          this.matched.push(`${source} ${live.outcome.values[0]?.[0]} ${shadow?.outcome.values[0]?.[0]}`),
        onLabel: ({ source, live, shadow }, label) =>
          this.labelled.push(`${source} ${live.answers[0]} ${shadow?.answers[0]} ${label[0]}`),
      },
      state,
    );
  }

  add(arrival: Arrival): void {
    const { join } = this;
    if ('requestsEnd' in arrival) {
      join.labels.read(arrival.offset, arrival.source);
      join.addLabel(arrival.source, { ...arrival, values: [arrival.source % 3] });
    } else if ('source' in arrival) {
      const { kind, source, offset } = arrival;
      join[kind].read(offset, source);
      const placed = { outcome: outcome(source, kind), offset, timestampMs: 0 };
      if (kind === 'live') join.addLive(source, placed);
      else join.addShadow(source, placed);
    } else {
      join.shadow.read(arrival.offset, -1);
      const { kind, from, to } = arrival;
      if (!join.shadow.isOld(arrival.offset)) join.progress({ from, to, skipped: kind === 'skipped' });
    }
  }

  get end() {
    this.join.finish();
    return { counts: this.join.counts, matched: [...this.matched].sort(), labelled: [...this.labelled].sort() };
  }
}

/** One input: ascending sources with gaps and duplicates, shaken within a few places. */
const input = fc
  .array(fc.record({ gap: fc.integer({ min: 0, max: 3 }), shake: fc.integer({ min: 0, max: 14 }) }), { maxLength: 60 })
  .map((steps) => {
    let source = 0;
    const placed = steps.map(({ gap, shake }) => {
      source += gap;
      return { source, at: source + shake };
    });
    return placed.sort((a, b) => a.at - b.at).map((one) => one.source);
  });

const history = fc
  .record({ live: input, shadow: input, labels: input, skip: fc.option(fc.integer({ min: 0, max: 60 })) })
  .map(({ live, shadow, labels, skip }) => {
    const number = <T extends object>(arrivals: T[]) => arrivals.map((one, offset) => ({ ...one, offset }));
    // A shadow says that it passes over something before it goes on behind it.
    const marks = skip === null ? [] : [{ kind: 'skipped' as const, from: skip, to: skip + 5 }];
    const next = shadow.findIndex((source) => source > (skip ?? 0));
    const at = next === -1 ? shadow.length : next;
    const outputs = shadow.map((source) => ({ kind: 'shadow', source }));
    return {
      live: number<object>(live.map((source) => ({ kind: 'live', source }))) as Arrival[],
      shadow: number<object>([...outputs.slice(0, at), ...marks, ...outputs.slice(at)]) as Arrival[],
      labels: number<object>(
        labels.map((source) => ({ kind: 'label', source, requestsEnd: source + (source % 16) })),
      ) as Arrival[],
    };
  });

/** Merges the inputs as `choices` say; each input keeps its order. */
function interleave(inputs: readonly (readonly Arrival[])[], choices: readonly number[]): Arrival[] {
  const queues = inputs.map((one) => [...one]);
  const merged: Arrival[] = [];
  for (let step = 0; queues.some((queue) => queue.length > 0); step++) {
    const filled = queues.filter((queue) => queue.length > 0);
    const next = filled[(choices[step % Math.max(1, choices.length)] ?? 0) % filled.length]?.shift();
    if (next !== undefined) merged.push(next);
  }
  return merged;
}

/** Sources that are on time in one input, and how many are late or doubled: the definition, word for word. */
function onTime(arrivals: readonly Arrival[]) {
  let high = -1;
  const there = new Set<number>();
  let late = 0;
  let duplicate = 0;
  for (const arrival of arrivals) {
    if ('to' in arrival) high = Math.max(high, arrival.to);
    if (arrival.kind !== 'live' && arrival.kind !== 'shadow') continue;
    if (arrival.source < high - WINDOW) late += 1;
    else if (there.has(arrival.source)) duplicate += 1;
    else there.add(arrival.source);
    high = Math.max(high, arrival.source);
  }
  return { there, late, duplicate };
}

const choices = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 40 });

describe('a join', () => {
  it('counts by definition, however its inputs are interleaved', () => {
    fc.assert(
      fc.property(history, choices, ({ live, shadow }, order) => {
        const run = new Run();
        for (const arrival of interleave([live, shadow], order)) run.add(arrival);
        const [left, right] = [onTime(live), onTime(shadow)];
        const skip = shadow.find((one) => one.kind === 'skipped');
        const both = [...left.there].filter((source) => right.there.has(source));
        const isSkipped = (source: number) =>
          skip !== undefined && 'from' in skip && source >= skip.from && source < skip.to;
        // Whatever lies behind the end of the shadow is not compared.
        const end = Math.max(-1, ...right.there, ...(skip !== undefined && 'to' in skip ? [skip.to - 1] : []));
        const alone = [...left.there].filter((source) => !right.there.has(source) && source <= end);
        expect(run.end.counts).toEqual({
          ...NO_COUNTS,
          matched: both.length,
          missingLive: right.there.size - both.length,
          missingShadow: alone.filter((source) => !isSkipped(source)).length,
          skipped: alone.filter(isSkipped).length,
          late: left.late + right.late,
          duplicate: left.duplicate + right.duplicate,
        });
      }),
      { numRuns: 500 },
    );
  });

  it('gives the same pairs and labels whatever the interleaving, when labels come within their window', () => {
    fc.assert(
      fc.property(history, choices, choices, ({ live, shadow, labels }, one, other) => {
        const ends = [one, other].map((order) => {
          const run = new Run();
          for (const arrival of interleave([live, shadow, labels], order)) run.add(arrival);
          return run.end;
        });
        // A label that is read long after its window was passed by both inputs is late: that takes a lag that this
        // history has when one input is read to its end first.
        const late = ends.map(({ counts }) => counts.late);
        if (late[0] === late[1]) expect(ends[0]).toEqual(ends[1]);
        expect(ends[0]?.matched).toEqual(ends[1]?.matched);
      }),
      { numRuns: 300 },
    );
  });

  it('counts as if it had never ended when it is ended anywhere and begun again from its state', () => {
    fc.assert(
      fc.property(
        history,
        choices,
        fc.array(fc.nat({ max: 150 }), { minLength: 1, maxLength: 4 }),
        ({ live, shadow, labels }, order, stops) => {
          const inputs = { live, shadow, labels };
          const merged = interleave([live, shadow, labels], order);
          const whole = new Run();
          for (const arrival of merged) whole.add(arrival);
          const ended = new Run();
          for (const [place, arrival] of merged.entries()) {
            if (stops.includes(place)) restart(ended, inputs);
            ended.add(arrival);
          }
          expect(ended.end).toEqual(whole.end);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('without a shadow, matches every answer once', () => {
    const run = new Run(false);
    for (const [offset, source] of [3, 1, 3, 2, 1].entries()) run.add({ kind: 'live', source, offset });
    run.add({ kind: 'label', source: 2, requestsEnd: 4, offset: 0 });
    expect(run.end).toEqual({
      counts: { ...NO_COUNTS, matched: 3, duplicate: 2, labelled: 1 },
      matched: ['1 1 undefined', '2 2 undefined', '3 3 undefined'],
      labelled: ['2 2 undefined 2'],
    });
  });

  it('compares nothing before the shadow has begun', () => {
    const run = new Run(true, JOIN_START);
    run.add({ kind: 'live', source: 4, offset: 0 });
    run.join.begin(5);
    run.add({ kind: 'live', source: 4, offset: 1 });
    run.add({ kind: 'live', source: 5, offset: 2 });
    run.add({ kind: 'done', from: 5, to: 6, offset: 0 });
    expect(run.end.counts).toEqual({ ...NO_COUNTS, missingShadow: 1 });
  });

  it('decides at the second tick what was there at the first, and calls what comes then late', () => {
    const run = new Run();
    run.add({ kind: 'live', source: 1, offset: 0 });
    run.add({ kind: 'done', from: 0, to: 2, offset: 0 });
    expect(run.join.tick()).toBe(false);
    expect(run.join.state().counts.missingShadow).toBe(0);
    expect(run.join.tick()).toBe(true);
    expect(run.join.state().counts.missingShadow).toBe(1);
    run.add({ kind: 'shadow', source: 1, offset: 1 });
    expect(run.end.counts).toEqual({ ...NO_COUNTS, missingShadow: 1, late: 1 });
  });

  it('has no tick where nothing waits alone, and what comes after it is not late', () => {
    const run = new Run();
    for (let source = 0; source < 4; source++) {
      run.add({ kind: 'live', source, offset: source });
      run.add({ kind: 'shadow', source, offset: 2 * source });
      run.add({ kind: 'done', from: source, to: source + 1, offset: 2 * source + 1 });
      expect(run.join.tick()).toBe(false);
    }
    run.add({ kind: 'done', from: 4, to: 6, offset: 8 });
    for (let time = 0; time < 2; time++) expect(run.join.tick()).toBe(false);
    run.add({ kind: 'shadow', source: 5, offset: 9 });
    run.add({ kind: 'live', source: 5, offset: 4 });
    expect(run.join.state().ticks).toEqual([]);
    expect(run.end.counts).toEqual({ ...NO_COUNTS, matched: 5 });
  });

  it('has no tick for what a window has closed', () => {
    const run = new Run();
    run.add({ kind: 'live', source: 0, offset: 0 });
    for (let source = 1; source <= WINDOW + 1; source++) {
      run.add({ kind: 'live', source, offset: source });
      run.add({ kind: 'shadow', source, offset: source });
    }
    for (let time = 0; time < 2; time++) expect(run.join.tick()).toBe(false);
    expect(run.join.counts).toEqual({ ...NO_COUNTS, matched: WINDOW + 1, missingShadow: 1 });
  });

  it('has ticks on record that decided something, with which a replay decides the same', () => {
    const run = new Run();
    const records: Parameters<Run['add']>[0][] = [
      { kind: 'live', source: 1, offset: 0 },
      { kind: 'done', from: 0, to: 2, offset: 0 },
    ];
    for (const record of records) run.add(record);
    for (let time = 0; time < 4; time++) run.join.tick();
    run.add({ kind: 'shadow', source: 1, offset: 1 });
    const { ticks } = run.join.state();
    expect(ticks).toEqual([{ liveOffset: 1, shadowOffset: 1, liveClosed: 2, shadowClosed: 2 }]);
    const replay = new Run();
    for (const record of records) replay.add(record);
    for (const tick of ticks) replay.join.decideAt(tick);
    replay.add({ kind: 'shadow', source: 1, offset: 1 });
    expect(replay.join.state()).toEqual(run.join.state());
  });

  it('keeps a thousand passages at most; what lies between those that it joins counts as passed over too', () => {
    const onMatch = () => {};
    const join = new Join({ fields: FIELDS, paired: true, window: 1e6, labelWindow: 1e6, onMatch, onLabel: onMatch });
    const passages = 1_100;
    join.begin(0);
    for (let at = 0; at < 2 * passages; at += 2) {
      join.progress({ from: at, to: at + 1, skipped: true });
      join.progress({ from: at + 1, to: at + 2, skipped: false });
    }
    expect(join.state().skipped.length).toBe(1_000);
    const placed = (source: number, side: Side) => ({ outcome: outcome(source, side), offset: source, timestampMs: 0 });
    for (let source = 0; source < 2 * passages; source++) join.addLive(source, placed(source, 'live'));
    // All but the first and the last that were scored.
    for (let source = 3; source < 2 * passages - 1; source += 2) join.addShadow(source, placed(source, 'shadow'));
    join.finish();
    const counts = { matched: passages - 2, skipped: passages + 1, missingShadow: 1 };
    expect(join.counts).toEqual({ ...NO_COUNTS, ...counts });
  });

  it('holds no more than its windows, however long it runs', () => {
    const run = new Run();
    for (let source = 0; source < 10_000; source++) {
      run.add({ kind: 'live', source, offset: source });
      run.add({ kind: 'shadow', source, offset: source });
    }
    expect(run.join.size).toBeLessThan(2 * LABEL_WINDOW + 300);
  });

  it('keeps of wide outputs only what labels need, once they have their partner or will have none', () => {
    const classes = 1_000;
    const said = 7;
    const fields: Field[] = [{ name: 'scores', kind: 'classes', size: classes, atol: 0, rtol: 0 }];
    const values = [new Float32Array(classes).fill(1, said, said + 1)];
    const labelled: (number | undefined)[] = [];
    const onLabel = ({ live, shadow }: Labelled) => labelled.push(live.answers[0], shadow?.answers[0]);
    const join = new Join({ fields, paired: true, window: 100, labelWindow: 50_000, onMatch: () => {}, onLabel });
    join.begin(0);
    const before = bufferBytes();
    const sources = 20_000;
    for (let source = 0; source < sources; source++) {
      const placed = (version: number) => ({
        outcome: { version, error: null, scoringUs: 1, rows: 1, values },
        ...{ offset: source, timestampMs: 0 },
      });
      join.addLive(source, placed(1));
      // Every third has no partner.
      if (source % 3 > 0) join.addShadow(source, placed(2));
      join.progress({ from: source, to: source + 1, skipped: false });
    }
    expect(join.size).toBe(sources);
    // Whole outputs would be 267 MB.
    expect(bufferBytes() - before).toBeLessThan(8e6);
    for (const source of [0, 1, sources - 1]) {
      join.addLabel(source, { offset: source, values: [said], requestsEnd: sources });
    }
    expect(labelled).toEqual([said, said, said, said]);
  });
});

/** Bytes of all typed arrays that are still in use. */
function bufferBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  // The first leaves freed buffers to a thread of their own, which the second waits for.
  for (let round = 0; round < 2; round++) collect();
  return process.memoryUsage().arrayBuffers;
}

/** Ends the join, and reads again what its state says. */
function restart(run: Run, inputs: Readonly<Record<'live' | 'shadow' | 'labels', readonly Arrival[]>>): void {
  const state: JoinState = JSON.parse(JSON.stringify(run.join.state()));
  run.join = run.open(true, state);
  for (const side of ['live', 'shadow', 'labels'] as const) {
    const { rewind, position } = state[side];
    for (const arrival of inputs[side].slice(rewind, position)) run.add(arrival);
    expect(run.join[side].restored).toBe(true);
  }
}
