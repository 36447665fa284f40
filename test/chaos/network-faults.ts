// NetworkFaults: what happens between services and brokers: answers that are swallowed, late, changed or held back,
// connections that break, directions that stall.
// Flow: registry.ts lists them; they arm rules of meddling.ts and turn the proxies.

import { systemClock as clock } from '../../shared/process/clock.ts';
import { BARS } from './bars.ts';
import { concernedByRequest } from './concerned.ts';
import type { Apply } from './fault.ts';
import type { ApiName } from './frames.ts';
import type { Deed, Rule } from './meddling.ts';
import type { Direction } from './proxy.ts';
import { chosen } from './schedule.ts';
import type { World } from './world.ts';

/** Whoever a rule waits for is there within this, or the fault hits nothing. */
const ARMED_MS = 8_000;
const ARMED_POLL_MS = 20;
const DELAY_MS = 4_000;
/** Past the transaction timeout (2 s) and the fence that follows the broken connection. */
const LATE_MS = 6_000;
/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, CONCURRENT_TRANSACTIONS. */
const RETRIABLE_CODES = [14, 15, 16, 51] as const;
const NOTHING = () => Promise.resolve();

/** What makes services send what they seldom send: owners begin anew after a failure, groups when a member comes. */
const PROVOKED: Partial<Record<ApiName, (world: World) => Promise<void>>> = {
  InitProducerId: startOver,
  OffsetFetch: startOver,
  JoinGroup: oneMore,
  SyncGroup: oneMore,
};

async function startOver(world: World): Promise<void> {
  for (const proxy of world.cluster.proxies) proxy.cut();
}

async function oneMore(world: World): Promise<void> {
  const extra = await world.fleet.start('router').ready();
  await extra.stop();
}

/** One message of `api` suffers `deed`; only the partition that it names may wait for it, and no other when it names none. */
const oneMessage =
  (api: ApiName, deedOf: (detail: number) => Deed): Apply =>
  async (world, { detail }) => {
    const { meddling } = world.cluster;
    const deed = deedOf(detail);
    let victim = '';
    let concerned: readonly number[] = [];
    const rule: Rule = {
      api,
      deed,
      applies: (head) => {
        victim = head.clientId;
        concerned = concernedByRequest(head, world.fleet.processes);
        return true;
      },
    };
    meddling.arm(rule);
    const provoked = PROVOKED[api]?.(world);
    for (let waitedMs = 0; meddling.armed(rule) && waitedMs < ARMED_MS; waitedMs += ARMED_POLL_MS) {
      await clock.sleep(ARMED_POLL_MS);
    }
    await provoked;
    if (meddling.disarm(rule)) return null;
    const holdMs = 'ms' in deed ? deed.ms : 0;
    return { target: `${api} of ${victim}`, concerned, bar: BARS.message, holdMs, heal: NOTHING };
  };

const swallow = () => ({ do: 'swallow' }) as const;
const delay = () => ({ do: 'delay', ms: DELAY_MS }) as const;
const late = () => ({ do: 'late', ms: LATE_MS }) as const;
const refuse = (detail: number) => ({ do: 'rewrite', code: chosen(RETRIABLE_CODES, detail) ?? 16 }) as const;

const cutConnections: Apply = async (world) => {
  const cut = world.cluster.proxies.reduce((sum, proxy) => sum + proxy.cut(), 0);
  if (cut === 0) return null;
  return { target: `${cut} connections`, concerned: [], bar: BARS.takeOver, holdMs: 0, heal: NOTHING };
};

/** Connections to one broker stay up, and nothing comes through; as it goes on leading, all may wait for it. */
const stall =
  (directions: readonly Direction[]): Apply =>
  async (world, { target, holdMs }) => {
    const id = chosen(world.cluster.ids, target) ?? 1;
    const proxy = world.cluster.proxies[id - 1];
    for (const direction of directions) proxy?.stall(direction);
    const heal = async () => {
      proxy?.flow();
      // What was stalled in one direction only is as broken as it looks.
      if (directions.length === 1) proxy?.cut();
    };
    return { target: `broker ${id}`, concerned: world.answers.partitions, bar: BARS.broker, holdMs, heal };
  };

/** By kind. */
export const NETWORK_FAULTS: Readonly<Record<string, Apply>> = {
  'swallow-EndTxn': oneMessage('EndTxn', swallow),
  'delay-EndTxn': oneMessage('EndTxn', delay),
  'refuse-EndTxn': oneMessage('EndTxn', refuse),
  'late-EndTxn': oneMessage('EndTxn', late),
  'swallow-Produce': oneMessage('Produce', swallow),
  'delay-Produce': oneMessage('Produce', delay),
  'late-Produce': oneMessage('Produce', late),
  'swallow-TxnOffsetCommit': oneMessage('TxnOffsetCommit', swallow),
  'late-TxnOffsetCommit': oneMessage('TxnOffsetCommit', late),
  'swallow-AddOffsetsToTxn': oneMessage('AddOffsetsToTxn', swallow),
  'refuse-AddOffsetsToTxn': oneMessage('AddOffsetsToTxn', refuse),
  'swallow-AddPartitionsToTxn': oneMessage('AddPartitionsToTxn', swallow),
  'late-AddPartitionsToTxn': oneMessage('AddPartitionsToTxn', late),
  'delay-Heartbeat': oneMessage('Heartbeat', delay),
  'swallow-Heartbeat': oneMessage('Heartbeat', swallow),
  'swallow-Fetch': oneMessage('Fetch', swallow),
  'swallow-InitProducerId': oneMessage('InitProducerId', swallow),
  'refuse-InitProducerId': oneMessage('InitProducerId', refuse),
  'swallow-OffsetFetch': oneMessage('OffsetFetch', swallow),
  'swallow-JoinGroup': oneMessage('JoinGroup', swallow),
  'swallow-SyncGroup': oneMessage('SyncGroup', swallow),
  'cut-connections': cutConnections,
  'stall-broker': stall(['requests', 'responses']),
  'stall-requests': stall(['requests']),
  'stall-responses': stall(['responses']),
};
