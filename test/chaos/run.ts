// Run: one run of the chaos programme, from the first broker to the verdict.
// Flow: house and stream up → acts in quiet (a rollback, handovers, visible gaps) → faults, with rollouts all the time →
//       everything healed, everything answered → the house stops → audit.

import { DIGITS_ENDPOINT, loadDigits } from '../../demo/data/digits.ts';
import { ROLLBACK_BOUNDS } from '../../shared/analysis/checks/rollback-bound.ts';
import { errorText } from '../../shared/domain/errors.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { faultAfterFault, firstOf, KILL_EVERY_MS, killEvery } from './campaign.ts';
import type { FaultRecord } from './fault.ts';
import { handovers } from './handover.ts';
import { audit, BOUNDS_IN_TROUBLE, wordsOfTrouble } from './judge.ts';
import { type ShadowFigures, shadowVerdict } from './judge-shadow.ts';
import { type ChaosReport, reportOf } from './report.ts';
import { Rollouts } from './rollouts.ts';
import { Stream } from './stream.ts';
import type { Figure } from './tries.ts';
import { missedFaults, missedKills, missedRollouts } from './verdict.ts';
import { visibleGap } from './visible-gap.ts';
import { PARTITIONS, QUIET_RATE, type World } from './world.ts';

const ANSWERS_MS = 180_000;
const ANSWERS_POLL_MS = 250;
/** Of the newest rollout's end, once everything is well again. */
const ROLLOUT_ENDS_MS = 130_000;
/** A rollout ends when the lane before is empty: a backlog is worth some seconds, on slow cores as well. */
const UNANSWERED_MAX = 6_000;
const PROGRESS_EVERY_MS = 10_000;

export interface ChaosOptions {
  readonly seed: number;
  /** Minutes of faults, or requests until which one process is killed every 5 s. */
  readonly length: { readonly minutes: number } | { readonly requests: number };
  readonly rate: number;
  readonly acts: boolean;
  readonly kinds: readonly string[];
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** What is found while it runs. */
export interface Findings {
  readonly problems: string[];
  readonly faults: FaultRecord[];
  readonly handovers: Figure[];
  readonly gaps: Figure[];
  quietRollback: { readonly cutMs: number; readonly answerMs: number } | null;
  shadow: ShadowFigures | null;
}

export async function runChaos(world: World, options: ChaosOptions): Promise<ChaosReport> {
  const { say, seed, signal } = options;
  const startMs = clock.nowMs();
  const found: Findings = { problems: [], faults: [], handovers: [], gaps: [], quietRollback: null, shadow: null };
  const following = world.follow();
  following.catch((error: unknown) => found.problems.push(`the answers cannot be read: ${errorText(error)}`));
  const rollouts = new Rollouts(world.operator, seed);
  await rollouts.first();
  const ended = new AbortController();
  const stream = new Stream(streamOptions(world, options, AbortSignal.any([ended.signal, signal])));
  const progress = showProgress(world, stream, { say, found, signal: ended.signal });
  try {
    await world.settled();
    await world.answers.progress(world.answers.partitions, { least: 1, withinMs: ANSWERS_MS });
    if (options.acts) await acts(world, options, found);
    stream.setRate(options.rate);
    await trouble(world, options, { found, rollouts, stream });
    ended.abort();
    await stream.done;
    await everythingAnswered(world, found);
    say('everything is answered; the comparisons come to their end');
    const verdict = await shadowVerdict(world);
    found.shadow = verdict.figures;
    found.problems.push(...verdict.problems);
  } finally {
    ended.abort();
    await progress;
  }
  const codes = await world.stopHouse();
  if (codes.some((code) => code !== 0)) found.problems.push(`told to end, services ended with ${codes.join()}`);
  say(`the house has stopped; the audit reads ${await onRecord(world)} requests`);
  const { totals, problems } = await audit(world, { bounds: BOUNDS_IN_TROUBLE, settled: true });
  found.problems.push(...problems, ...rollouts.problems, ...wordsOfTrouble(world.fleet.processes));
  if (totals.requests < stream.sent) found.problems.push(`${stream.sent} were sent, ${totals.requests} are on record`);
  const seconds = (clock.nowMs() - startMs) / 1_000;
  return reportOf({ seed, seconds, found, totals, rollouts: rollouts.counts, stream });
}

function streamOptions(world: World, options: ChaosOptions, signal: AbortSignal) {
  const requests = 'requests' in options.length ? options.length.requests : null;
  return {
    ...{ bus: world.bus, clock, partitions: PARTITIONS, digits: loadDigits(), requests, signal },
    rate: options.acts ? Math.min(QUIET_RATE, options.rate) : options.rate,
    topics: {
      requests: world.topics.endpoint(DIGITS_ENDPOINT, 'requests'),
      labels: world.topics.endpoint(DIGITS_ENDPOINT, 'labels'),
    },
    avroOnly: requests !== null,
    unansweredMax: UNANSWERED_MAX,
    answered: () => world.answers.total,
  };
}

/** In quiet: a canary whose scorer is stopped and killed at the worst moment, its rollback, and the handovers. */
async function acts(world: World, options: ChaosOptions, found: Findings): Promise<void> {
  const { operator, say } = world;
  await operator.apply({ candidate: 4, strategy: 'canary', canary: { weightBp: 5_000 } });
  const ready = await operator.next('the candidate serves', (event) => event.type === 'candidate-ready');
  for (const how of ['SIGSTOP', 'SIGKILL'] as const) {
    const { figure, problems } = await visibleGap(world, ready.lane ?? 'green', how);
    if (figure !== null) found.gaps.push(figure);
    found.problems.push(...problems);
  }
  await world.quiet();
  say('a rollback in quiet');
  await operator.command('abort', 'in quiet');
  await operator.next('the rollback is over', (event) => event.type === 'rollout-completed');
  const { totals, problems } = await audit(world, { bounds: ROLLBACK_BOUNDS, settled: false });
  found.quietRollback = { cutMs: totals.lastRollbackCutMs, answerMs: totals.lastBadAnswerMs };
  found.problems.push(...problems.map((problem) => `in quiet: ${problem}`));
  if (options.signal.aborted) return;
  const handed = await handovers(world);
  found.handovers.push(...handed.figures);
  found.problems.push(...handed.problems);
}

/** Rollouts all the time, and faults for as long as the run says. */
async function trouble(
  world: World,
  options: ChaosOptions,
  { found, rollouts, stream }: { found: Findings; rollouts: Rollouts; stream: Stream },
): Promise<void> {
  const { seed, kinds, length, signal, say } = options;
  const over = new AbortController();
  const rolling = rollouts.run(AbortSignal.any([over.signal, signal]));
  const onFault = (record: FaultRecord) => {
    found.faults.push(record);
    found.problems.push(...record.problems);
    const { number, kind, target, stallDuringMs, stallMs } = record;
    const hit =
      target === '' ? 'hit nothing' : `${target}; silence ${stallDuringMs} ms while it lasted, ${stallMs} ms in all`;
    say(`fault ${number}: ${kind}: ${hit}`);
    for (const problem of record.problems) say(`  PROBLEM: ${problem}`);
  };
  const enough = new AbortController();
  const campaign = { seed, kinds, onFault, signal: AbortSignal.any([enough.signal, signal]) };
  const startMs = clock.nowMs();
  const long = 'requests' in length;
  const faults = long ? killEvery(world, campaign) : faultAfterFault(world, campaign);
  await Promise.race([faults, stream.done, ...(long ? [] : [clock.sleep(length.minutes * 60_000, signal)])]);
  const seconds = (clock.nowMs() - startMs) / 1_000;
  enough.abort();
  found.problems.push(...((await faults) ?? []));
  over.abort();
  await world.heal();
  say('every fault is healed; the last rollout is brought to its end');
  const late = clock.sleep(ROLLOUT_ENDS_MS).then(() => 'late' as const);
  if ((await Promise.race([rolling, late])) === 'late') found.problems.push('rollouts: the last one does not end');
  found.problems.push(
    ...(long
      ? missedKills({ faults: found.faults, seconds, everyMs: KILL_EVERY_MS })
      : missedFaults({ faults: found.faults, kinds, first: firstOf(kinds) })),
    ...missedRollouts(rollouts.counts, long),
  );
}

async function onRecord(world: World): Promise<number> {
  return (await world.requests()).reduce((sum, count) => sum + count, 0);
}

async function everythingAnswered(world: World, found: Findings): Promise<void> {
  const requests = await onRecord(world);
  const deadlineMs = clock.nowMs() + ANSWERS_MS;
  while (world.answers.total < requests && clock.nowMs() < deadlineMs) await clock.sleep(ANSWERS_POLL_MS);
  const { total } = world.answers;
  if (total < requests) found.problems.push(`only ${total} of ${requests} requests are answered in the end`);
}

async function showProgress(
  world: World,
  stream: Stream,
  { say, found, signal }: { say: (line: string) => void; found: Findings; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(PROGRESS_EVERY_MS, signal);
    const { faults, problems } = found;
    say(`${stream.sent} sent, ${world.answers.total} answered, ${faults.length} faults, ${problems.length} problems`);
  }
}
