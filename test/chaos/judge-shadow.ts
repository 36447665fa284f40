// JudgeShadow: what the shadows and comparators of a chaos run are held to, counted anew from the topics.
// Flow: E.totals until every comparison has ended → [shadowVerdict]: E.shadow, run by run → problems and figures.
// Terms: run = one shadow of one rollout in one partition. Every request of the stream is answered exactly once (the audit sees
//        to that), so a run's pairs are its outputs.

import { DIGITS_ENDPOINT } from '../../demo/data/digits.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import { NO_COUNTS } from '../../shared/comparison/join-state.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import { runKey, type Totals } from '../../shared/domain/comparison.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import { type InRecord, parseSource } from '../../shared/domain/record.ts';
import { type ShadowMark, samplerOf } from '../../shared/domain/shadow.ts';
import type { Topics } from '../../shared/domain/topics.ts';

const PROBLEMS_MAX = 20;
/** From the last answer on: a run that nothing names any more waits a minute for answers that are missing. */
const ENDS_WITHIN_MS = 150_000;
const POLL_MS = 500;

export interface ShadowFigures {
  /** Shadows of rollouts, and partitions in which they were compared. */
  readonly runs: number;
  readonly comparisons: number;
  readonly outputs: number;
  readonly pairs: number;
  /** Requests of their samples that they passed over. */
  readonly skipped: number;
}

/** What it needs of a chaos world. */
export interface Place {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly clock: Clock;
}

/** The newest totals by run and partition; null where they were taken off the record. */
type Newest = Map<string, Totals | null>;

interface Run {
  readonly key: string;
  readonly partition: number;
  readonly sources: Set<number>;
  readonly marks: ShadowMark[];
  repeated: number;
}

/** Waits until all is compared, then judges. The comparators must still run. */
export async function shadowVerdict(place: Place): Promise<{ figures: ShadowFigures; problems: string[] }> {
  const newest: Newest = new Map();
  const all = await ended(place, { runs: await runsOf(place), newest });
  const problems = all ? [] : ['comparisons: they do not end'];
  const runs = await runsOf(place);
  const judged = [...runs.values()].map((run) => judge(place, run, newest.get(placeOf(run))));
  problems.push(...judged.flatMap((each) => each.problems), ...(await liveProblems(place, newest)));
  const sum = (of: (each: (typeof judged)[number]) => number) => judged.reduce((total, each) => total + of(each), 0);
  const figures = {
    runs: new Set([...runs.values()].map(({ key }) => key)).size,
    comparisons: judged.length,
    outputs: sum((each) => each.outputs),
    pairs: sum((each) => each.pairs),
    skipped: sum((each) => each.skipped),
  };
  return { figures, problems: problems.slice(0, PROBLEMS_MAX) };
}

/** Follows the totals until every run is ended, and every answer is counted. @returns false when that takes too long */
async function ended(
  place: Place,
  { runs, newest }: { readonly runs: ReadonlyMap<string, Run>; readonly newest: Newest },
): Promise<boolean> {
  const { bus, topics, clock } = place;
  const over = new AbortController();
  const topic = topics.endpoint(DIGITS_ENDPOINT, 'totals');
  const following = (async () => {
    for await (const { partition, records } of bus.read({
      ...{ topic, from: 'earliest', until: 'never', signal: over.signal },
    })) {
      for (const record of records) {
        const key = new TextDecoder().decode(record.key ?? new Uint8Array());
        newest.set(`${key} ${partition}`, record.value === null ? null : decodeControl('totals', record));
      }
    }
  })();
  const isEnded = (totals: Totals | null | undefined) => totals === null || totals?.ended === true;
  const untilMs = clock.nowMs() + ENDS_WITHIN_MS;
  let all = false;
  while (!all && clock.nowMs() < untilMs) {
    await Promise.race([clock.sleep(POLL_MS), following]);
    const isCounted = (await liveProblems(place, newest)).length === 0;
    all = isCounted && [...runs.keys()].every((run) => isEnded(newest.get(run)));
  }
  over.abort();
  await following;
  return all;
}

/** Every request is answered once: so many answers has the comparator counted, each by its version. */
async function liveProblems({ bus, topics }: Place, newest: Newest): Promise<string[]> {
  const offsets = await bus.admin.offsets(topics.endpoint(DIGITS_ENDPOINT, 'requests'));
  return offsets.flatMap(({ partition, end }) => {
    const counts = newest.get(placeOf({ key: runKey({ rollout: '', version: 0 }), partition }))?.counts ?? NO_COUNTS;
    const isRight = counts.matched === end && counts.duplicate + counts.late + counts.unreadable === 0;
    const words = `partition ${partition}: ${end} requests, counted ${JSON.stringify(counts)}`;
    return isRight ? [] : [`comparisons: ${words}`];
  });
}

function judge(place: Place, run: Run, totals: Totals | null | undefined) {
  const { key, partition, sources, marks, repeated } = run;
  const begun = marks.find(({ kind }) => kind === 'begun');
  const none = { outputs: sources.size, pairs: 0, skipped: 0 };
  const name = `comparison ${key}, partition ${partition}`;
  if (begun?.terms === undefined || begun.terms === null)
    return { ...none, problems: [`${name}: it has no beginning`] };
  const wanted = wantedBy(place, run, { from: begun.to, sampleBp: begun.terms.sampleBp });
  const lacks = wanted.scored.filter((source) => !sources.has(source)).length;
  const extra = sources.size - (wanted.scored.length - lacks);
  const problems = [
    ...(repeated === 0 ? [] : [`${repeated} outputs are there twice`]),
    ...(lacks === 0 ? [] : [`${lacks} outputs are missing`]),
    ...(extra === 0 ? [] : [`${extra} outputs are not of its sample`]),
  ];
  // What was taken off the record cannot be judged any more.
  if (totals !== null) problems.push(...countProblems(run, totals?.counts ?? NO_COUNTS, wanted.skipped));
  const figures = { outputs: sources.size, pairs: totals?.counts.matched ?? 0, skipped: wanted.skipped };
  return { ...figures, problems: problems.map((problem) => `${name}: ${problem}`) };
}

/** Requests of its sample before its last word: to be scored, and passed over. */
function wantedBy(
  { topics }: Place,
  { partition, marks }: Run,
  { from, sampleBp }: { readonly from: number; readonly sampleBp: number },
): { readonly scored: readonly number[]; readonly skipped: number } {
  const isSampled = samplerOf(DIGITS_ENDPOINT, sampleBp);
  const requests = topics.endpoint(DIGITS_ENDPOINT, 'requests');
  const jumps = marks.filter(({ kind }) => kind === 'skipped');
  const done = Math.max(...marks.map(({ to }) => to));
  const encoder = new TextEncoder();
  const scored: number[] = [];
  let skipped = 0;
  for (let offset = from; offset < done; offset++) {
    // The stream gives its requests no ids.
    if (!isSampled(encoder.encode(`${requests}-${partition}-${offset}`))) continue;
    if (jumps.some((jump) => offset >= jump.from && offset < jump.to)) skipped += 1;
    else scored.push(offset);
  }
  return { scored, skipped };
}

function countProblems({ sources }: Run, counts: Totals['counts'], skipped: number): string[] {
  const expected = { ...NO_COUNTS, matched: sources.size, skipped };
  const [found, wanted] = [JSON.stringify(counts), JSON.stringify(expected)];
  return found === wanted ? [] : [`counted ${found}, not ${wanted}`];
}

/** What lies on E.shadow, by run and partition. */
async function runsOf({ bus, topics }: Place): Promise<ReadonlyMap<string, Run>> {
  const runs = new Map<string, Run>();
  const topic = topics.endpoint(DIGITS_ENDPOINT, 'shadow');
  for await (const { records } of bus.read({ topic, from: 'earliest', until: 'end' })) {
    for (const record of records) {
      const place = { key: runOf(record), partition: record.partition };
      const run = runs.get(placeOf(place)) ?? { ...place, sources: new Set<number>(), marks: [], repeated: 0 };
      runs.set(placeOf(place), run);
      if (headerText(record.headers, HEADER.shadowMark) !== null) {
        run.marks.push(decodeControl('shadow-mark', record));
        continue;
      }
      const source = parseSource(headerText(record.headers, HEADER.source) ?? '')?.offset ?? -1;
      if (run.sources.has(source)) run.repeated += 1;
      run.sources.add(source);
    }
  }
  return runs;
}

function runOf({ headers }: InRecord): string {
  return runKey({
    rollout: headerText(headers, HEADER.shadow) ?? '',
    version: Number(headerText(headers, HEADER.version)),
  });
}

function placeOf({ key, partition }: Pick<Run, 'key' | 'partition'>): string {
  return `${key} ${partition}`;
}
