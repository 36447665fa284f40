// The simulation: `npm run sim [-- --seeds N] [--seed S] [--mutants] [--json]`.
// --seeds N    simulates seeds 1 to N (default 1000), and some of them again: their histories must be the same
// --seed S     simulates just that one; with --faults N, only the first N of its faults happen
// --mutants    plants each bug of mutants/ in turn and simulates until it is found
// Exit code: 0 nothing found (with --mutants: every bug found), 1 otherwise.

import { parseArgs } from 'node:util';
import { parseCount } from '../../services/cli/core/parse.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { MUTANTS } from './mutants/registry.ts';
import type { SeedReport, Wanted } from './worker.ts';
import { simulateAll } from './workers.ts';

/** Every bug must be found within so many seeds. */
const MUTANT_SEEDS_MAX = 500;
const PROGRESS_EVERY_SEEDS = 100;
/** Of so many seeds one is simulated again. */
const REPEAT_EVERY_SEEDS = 50;
const PROBLEMS_SHOWN = 5;
const NUMBER_MAX = 999_999_999;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string' },
    faults: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const seedsMax = parseCount(values.seeds, NUMBER_MAX);
const seedAlone = values.seed === undefined ? null : parseCount(values.seed, NUMBER_MAX);
/** None is a prefix as well. */
const faultsMax =
  values.faults === undefined ? null : values.faults === '0' ? 0 : parseCount(values.faults, NUMBER_MAX);
const say = (line: string) => process.stderr.write(`${line}\n`);

function* range(to: number, shortens: boolean): Generator<Wanted> {
  for (let seed = 1; seed <= to; seed++) yield { seed, faultsMax: null, shortens };
}

/** All of them, then some again, by a process that has simulated others meanwhile. */
function* withRepeats(to: number): Generator<Wanted> {
  yield* range(to, true);
  for (let seed = 1; seed <= to; seed += REPEAT_EVERY_SEEDS) yield { seed, faultsMax: null, shortens: true };
}

interface Tally {
  seeds: number;
  requests: number;
  virtualMs: number;
  readonly faults: Record<string, number>;
  readonly counts: Record<string, number>;
  readonly failures: SeedReport[];
}

function addUp(into: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) into[name] = (into[name] ?? 0) + count;
}

async function simulations(wanted: Iterable<Wanted>): Promise<Tally> {
  const tally: Tally = { seeds: 0, requests: 0, virtualMs: 0, faults: {}, counts: {}, failures: [] };
  const hashes = new Map<number, string>();
  const each = (report: SeedReport): boolean => {
    const before = hashes.get(report.seed);
    if (before !== undefined) {
      if (before !== report.hash) tally.failures.push(differs(report, before));
      return true;
    }
    hashes.set(report.seed, report.hash);
    tally.seeds += 1;
    tally.requests += report.requests;
    tally.virtualMs += report.virtualMs;
    addUp(tally.faults, report.faults);
    addUp(tally.counts, report.counts);
    if (report.problems.length > 0) {
      tally.failures.push(report);
      say(`seed ${report.seed} fails, with its first ${report.failingPrefix} faults already:`);
      for (const problem of report.problems.slice(0, PROBLEMS_SHOWN)) say(`  ${problem}`);
      say(`  again: npm run sim -- --seed ${report.seed} --faults ${report.failingPrefix}`);
    }
    if (tally.seeds % PROGRESS_EVERY_SEEDS === 0) say(`${tally.seeds} seeds, ${tally.failures.length} failed`);
    return true;
  };
  await simulateAll(wanted, { edits: [], each });
  return tally;
}

/** One seed, two histories: something other than the seed had a say. */
function differs(report: SeedReport, before: string): SeedReport {
  const problem = `two simulations of seed ${report.seed} differ: ${before.slice(0, 12)} and ${report.hash.slice(0, 12)}`;
  say(problem);
  return { ...report, problems: [problem, ...report.problems] };
}

/** Seeds until the bug was found, or null. */
async function hunt(mutant: (typeof MUTANTS)[number]): Promise<number | null> {
  let seeds = 0;
  let found: SeedReport | null = null;
  await simulateAll(range(MUTANT_SEEDS_MAX, false), {
    edits: mutant.edits,
    each: (report) => {
      seeds += 1;
      if (report.problems.length > 0) found ??= report;
      return found === null;
    },
  });
  const report = found as SeedReport | null;
  const words = report === null ? 'NOT FOUND' : `found after ${seeds} seeds: ${report.problems[0]?.slice(0, 110)}`;
  say(`${mutant.name.padEnd(28)} ${words}`);
  return report === null ? null : seeds;
}

async function runSeeds(): Promise<boolean> {
  const startMs = systemClock.nowMs();
  const wanted = seedAlone === null ? withRepeats(seedsMax) : [{ seed: seedAlone, faultsMax, shortens: true }];
  const tally = await simulations(wanted);
  const seconds = (systemClock.nowMs() - startMs) / 1_000;
  const { seeds, requests, virtualMs, faults, counts, failures } = tally;
  const ratio = virtualMs / 1_000 / seconds;
  const total = Object.values(faults).reduce((sum, count) => sum + count, 0);
  const report = {
    ...{ seeds, requests, faults, seconds, ratio },
    lost: counts.lost ?? 0,
    duplicated: counts.duplicated ?? 0,
    wrongVersion: (counts['wrong-version'] ?? 0) + (counts.misrouted ?? 0) + (counts['aborted-read'] ?? 0),
    orderViolations: counts.order ?? 0,
    failures: failures.map(({ seed, failingPrefix, problems, hash }) => ({ seed, failingPrefix, problems, hash })),
  };
  if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    const kinds = Object.entries(faults).sort(([, a], [, b]) => b - a);
    process.stdout.write(
      `${seeds} seeds, ${requests} requests, ${total} faults in ${seconds.toFixed(1)} s: ${failures.length} failed\n` +
        `simulated time passed ${ratio.toFixed(0)} times as fast as real time\n` +
        `${kinds.map(([kind, count]) => `  ${kind.padEnd(22)} ${count}\n`).join('')}`,
    );
  }
  return failures.length === 0;
}

async function runMutants(): Promise<boolean> {
  const found: (number | null)[] = [];
  for (const mutant of MUTANTS) found.push(await hunt(mutant));
  const missed = MUTANTS.filter((_, index) => found[index] === null).map(({ name }) => name);
  const mutants = MUTANTS.map(({ name, bug }, index) => ({ name, bug, seeds: found[index] ?? null }));
  if (values.json) process.stdout.write(`${JSON.stringify({ mutants, missed })}\n`);
  else process.stdout.write(`${MUTANTS.length - missed.length} of ${MUTANTS.length} planted bugs found\n`);
  return missed.length === 0;
}

process.exitCode = (await (values.mutants ? runMutants() : runSeeds())) ? 0 : 1;
