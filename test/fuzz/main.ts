// The fuzzer: `npm run fuzz [-- --inputs N] [--seed S] [--target NAME] [--input HEX] [--json]`.
// --inputs N   inputs per target (default 1000000)        --seed S     another sequence of inputs (default 1)
// --target T   just this one                              --input HEX  just this input, its error and times shown
// Exit code: 0 nothing found, 1 otherwise. Every finding is printed with what repeats it.

import { parseArgs } from 'node:util';
import { parseCount } from '../../services/cli/core/parse.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { type Finding, Judge } from './judge.ts';
import { type FuzzTotals, tableOf, totalsOf } from './report.ts';
import { TARGETS, targetNamed } from './targets/registry.ts';
import { runJobs, type SliceJob, type Told } from './workers.ts';

/** Parts of a target's inputs: each grows a corpus of its own, and both cores have work to the end. */
const SLICES = 4;
const HEX_SHOWN_CHARS = 4_000;
const NUMBER_MAX = 999_999_999;

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string' },
    input: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const inputsEach = parseCount(values.inputs, NUMBER_MAX);
const seed = parseCount(values.seed, NUMBER_MAX);
const say = (line: string) => process.stderr.write(`${line}\n`);

function sayFinding({ target, words, stack, hex }: Finding): void {
  say(`FINDING in ${target}: ${words}`);
  for (const line of stack.split('\n').slice(0, 8)) say(`  ${line.trim()}`);
  say(`  input (${hex.length / 2} bytes): ${hex.slice(0, HEX_SHOWN_CHARS)}${hex.length > HEX_SHOWN_CHARS ? '…' : ''}`);
  const again = hex.length > HEX_SHOWN_CHARS ? `--seed ${seed}` : `--input ${hex}`;
  say(`  again: npm run fuzz -- --target ${target} ${again}`);
}

async function fuzz(): Promise<boolean> {
  const startMs = systemClock.nowMs();
  const targets = values.target === undefined ? TARGETS : [targetNamed(values.target)];
  const inputs = Math.ceil(inputsEach / SLICES);
  const jobs = targets.flatMap(({ name }) =>
    Array.from({ length: SLICES }, (_, slice): SliceJob => ({ target: name, seed, slice, inputs })),
  );
  const told: Told[] = [];
  await runJobs(jobs, (one) => {
    told.push(one);
    const found = 'report' in one ? one.report.findings : [one.finding];
    for (const finding of found) sayFinding(finding);
    const { target, slice, explores } = one.job;
    say(`${target} ${slice + 1}/${SLICES}${explores ? ', exploring' : ''}: ${found.length} findings`);
  });
  const totals: readonly FuzzTotals[] = targets.map(({ name }) =>
    totalsOf(
      name,
      told.filter(({ job }) => job.target === name),
    ),
  );
  const seconds = (systemClock.nowMs() - startMs) / 1_000;
  const findings = totals.flatMap((total) => total.findings);
  if (values.json) process.stdout.write(`${JSON.stringify({ seed, seconds, targets: totals })}\n`);
  else process.stdout.write(tableOf(totals, seconds));
  return findings.length === 0;
}

async function one(name: string, hex: string): Promise<boolean> {
  const judge = new Judge(targetNamed(name));
  const bytes = Buffer.from(hex, 'hex');
  await judge.settle();
  await judge.judge(bytes);
  const error = await judge.execute(bytes);
  say(`${bytes.length} bytes: ${error === undefined ? 'accepted' : String(error)}`);
  for (const finding of judge.findings) sayFinding(finding);
  return judge.findings.length === 0;
}

const good = values.input === undefined ? fuzz() : one(values.target ?? '', values.input);
process.exitCode = (await good) ? 0 : 1;
