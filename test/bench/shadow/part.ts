// Part `shadow`: what the live road pays for a shadow on the same cores: without one, twice, and with 10 % and 100 %.
// Method: the shadow service and the comparator run all the time, as processes of their own (house.ts). Each variant once per
//         repeat, in an order that turns from repeat to repeat; the first repeats warm everything up and are not counted. A shadow
//         must have scored what it was to score, soon after the last paced request and, in the end, all of it.

import type { Bar } from '../series.ts';
import type { ShadowSample } from './cpu.ts';
import { type BenchBroker, ShadowHouse } from './house.ts';

/** Until broker and services are compiled: p99 of a new house is ten times as much. */
const WARM_UP_REPEATS = 1;

export interface ShadowSeries {
  readonly name: string;
  /** Part of the requests that the shadow scores, basis points; 0: there is none. */
  readonly sampleBp: number;
}

const NONE = 'no shadow';
const TWIN = 'no shadow, again';
const TENTH = 'shadow of 10 %';
const ALL = 'shadow of 100 %';

export const SHADOW_SERIES: readonly ShadowSeries[] = [
  { name: NONE, sampleBp: 0 },
  { name: TENTH, sampleBp: 1_000 },
  { name: TWIN, sampleBp: 0 },
  { name: ALL, sampleBp: 10_000 },
];

const of = (name: string, bar: Pick<Bar, 'figure' | 'limit' | 'better'>): Bar => ({
  words: `${name}, ${bar.figure === 'p99Ms' ? 'p99 at 200 requests/s' : 'records per second'}`,
  ...{ of: name, to: [NONE, TWIN], twins: { of: TWIN, to: NONE }, ...bar },
});

export const SHADOW_BARS: readonly Bar[] = [
  of(TENTH, { figure: 'p99Ms', limit: 1.1, better: 'lower' }),
  of(ALL, { figure: 'p99Ms', limit: 1.3, better: 'lower' }),
  of(TENTH, { figure: 'recordsPerSecond', limit: 0.95, better: 'higher' }),
];

/** Samples of every variant in every repeat. */
export async function shadowPart(broker: BenchBroker, repeats: number): Promise<ShadowSample[]> {
  const house = await ShadowHouse.open(broker);
  try {
    const samples: ShadowSample[] = [];
    for (let repeat = 1 - WARM_UP_REPEATS; repeat <= repeats; repeat++) {
      const turned = SHADOW_SERIES.map((_, i) => SHADOW_SERIES[(i + repeat) % SHADOW_SERIES.length]);
      for (const series of turned.filter((one) => one !== undefined)) {
        const sample = await house.measure(series.sampleBp);
        const { throughput, latency } = sample;
        const when = repeat > 0 ? `repeat ${repeat}` : 'warming up';
        broker.say(
          `${when}: ${series.name.padEnd(20)} ${throughput?.recordsPerSecond.toFixed(0)} records/s, ` +
            `p99 ${latency?.p99Ms.toFixed(1)} ms`,
        );
        if (repeat > 0) samples.push({ series: series.name, repeat, ...sample });
      }
    }
    await house.verify();
    return samples;
  } finally {
    await house.close();
  }
}
