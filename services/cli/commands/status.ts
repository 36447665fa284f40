// status: where endpoints stand, from the topics and the offsets of the groups; once, or again and again.

import type { Command } from 'commander';
import type { Bus } from '../../../shared/bus/bus.ts';
import { lagOf } from '../../../shared/bus/lag.ts';
import { decodeControl } from '../../../shared/codec/control.ts';
import { MillraceError } from '../../../shared/domain/errors.ts';
import { laneGroup, routerGroup, shadowGroup } from '../../../shared/domain/groups.ts';
import type { RoutePlan } from '../../../shared/domain/route-plan.ts';
import type { WorkerReport } from '../../../shared/domain/worker.ts';
import type { CliContext } from '../context.ts';
import { type EndpointFacts, foldJournal } from '../core/journal-fold.ts';
import { type EndpointStatus, type Lags, statusOf } from '../core/status.ts';
import { statusLines } from '../core/status-lines.ts';
import { readJournal } from '../journal.ts';
import { readable, readTable, readToEnd } from '../read.ts';
import { type AddCommand, examples } from './command.ts';
import { endpointName } from './control.ts';

/** Pause between two looks of `--watch`. */
const WATCH_INTERVAL_MS = 1_000;

interface StatusOptions {
  readonly watch?: boolean;
}

export const addStatus: AddCommand = (program, runner) => {
  const command: Command = program
    .command('status [endpoint]')
    .summary('show where endpoints stand')
    .description(
      'Shows incumbent, candidate, weights, workers, lag and landed cuts of one endpoint or of all. ' +
        'CUTS n/P: partitions that have taken the plan. LAG: records between what the group has committed and the end.',
    )
    .option('-w, --watch', 'look again every second until Ctrl-C');
  examples(command, [
    ['millrace status', 'all endpoints'],
    ['millrace status digits --watch', 'follow a rollout'],
    ['millrace status digits -o json', 'for a script'],
  ]);
  runner.bind<StatusOptions>(command, async (context, { operands: [name], options }) => {
    const only = name === undefined ? null : endpointName(name);
    const bus = await context.bus();
    if (options.watch !== true) {
      const found = await readStatus(context, bus, only);
      context.out.result(only === null ? found : found[0], (tables) => statusLines(found, tables));
      return 'ok';
    }
    await watch(context, bus, only);
    return 'ok';
  });
};

/** Shows every change; on a terminal in place. */
async function watch(context: CliContext, bus: Bus, only: string | null): Promise<void> {
  let shown = '';
  while (!context.signal.aborted) {
    try {
      const found = await readStatus(context, bus, only);
      const text = JSON.stringify(found);
      if (text !== shown) {
        context.out.clear();
        context.out.item(only === null ? found : found[0], (tables) => statusLines(found, tables).join('\n'));
      }
      shown = text;
    } catch (error) {
      if (!context.signal.aborted) throw error;
    }
    await context.clock.sleep(WATCH_INTERVAL_MS, context.signal);
  }
}

/** Status of one endpoint or of all, by name. @throws ENDPOINT_UNKNOWN */
export async function readStatus(context: CliContext, bus: Bus, only: string | null): Promise<EndpointStatus[]> {
  const { topics } = context;
  const facts = foldJournal(await readJournal(context, bus));
  if (only !== null && !facts.has(only)) throw new MillraceError('ENDPOINT_UNKNOWN', { endpoint: only });
  const plans = await readTable(context, bus, {
    topic: topics.control('plans'),
    decode: (record) => decodeControl('plan', record),
  });
  const workers = await readTable(context, bus, {
    topic: topics.control('workers'),
    decode: (record) => decodeControl('worker', record),
  });
  const wanted = [...facts.values()].filter(({ endpoint }) => only === null || endpoint === only);
  const found: EndpointStatus[] = [];
  for (const each of wanted) {
    found.push(await endpointStatus(context, bus, { facts: each, plans, workers: [...workers.values()] }));
  }
  return found;
}

async function endpointStatus(
  context: CliContext,
  bus: Bus,
  known: {
    readonly facts: EndpointFacts;
    readonly plans: ReadonlyMap<string, RoutePlan>;
    readonly workers: readonly WorkerReport[];
  },
): Promise<EndpointStatus> {
  const { topics, clock } = context;
  const { facts } = known;
  const { endpoint } = facts;
  const plan = known.plans.get(endpoint) ?? null;
  const lag = (group: string, topic: string) => lagOf(bus.admin, group, topic);
  const lags: Lags = {
    router: await lag(routerGroup(topics.prefix, endpoint), topics.endpoint(endpoint, 'requests')),
    lanes: {
      blue: await lag(laneGroup(topics.prefix, endpoint, 'blue'), topics.lane(endpoint, 'blue')),
      green: await lag(laneGroup(topics.prefix, endpoint, 'green'), topics.lane(endpoint, 'green')),
    },
    shadows: await shadowLags(plan, (group) => lag(group, topics.endpoint(endpoint, 'requests')), topics.prefix),
  };
  return statusOf({
    facts,
    plan,
    cutRevisions: await cutRevisions(context, bus, facts),
    workers: known.workers.filter((report) => report.endpoint === endpoint),
    lag: lags,
    nowMs: clock.nowMs(),
  });
}

async function shadowLags(
  plan: RoutePlan | null,
  lag: (group: string) => Promise<number>,
  prefix: string,
): Promise<Map<number, number>> {
  const lags = new Map<number, number>();
  for (const { version } of plan?.shadows ?? []) {
    const group = shadowGroup(prefix, plan?.endpoint ?? '', { rollout: plan?.rollout ?? '', version });
    lags.set(version, await lag(group));
  }
  return lags;
}

/** Newest revision that each partition has a cut of. */
async function cutRevisions(context: CliContext, bus: Bus, facts: EndpointFacts): Promise<number[]> {
  const revisions = new Array<number>(facts.settings.partitions).fill(0);
  const topic = context.topics.endpoint(facts.endpoint, 'cuts');
  for await (const records of readToEnd(context, bus, { topic, from: 'earliest' })) {
    for (const record of records) {
      if (record.value === null) continue;
      const cut = readable(context, record, (each) => decodeControl('cut', each));
      if (cut === null) continue;
      revisions[cut.partition] = Math.max(revisions[cut.partition] ?? 0, cut.plan.revision);
    }
  }
  return revisions;
}
