// ProcessFaults: what happens to processes: killed, stopped for a while, ended; services, models and brokers.
// Flow: registry.ts lists them; fault.ts runs them. Everything that was killed is started again by `World.heal`.

import { systemClock as clock } from '../../shared/process/clock.ts';
import { signalIfAlive } from '../support/model-processes.ts';
import type { ServiceName } from '../support/service-process.ts';
import { BARS, TAKE_OVER_MS } from './bars.ts';
import { answersWaitFor, concernedBy } from './concerned.ts';
import type { Applied, Apply } from './fault.ts';
import { chosen } from './schedule.ts';
import { SERVICES, type World } from './world.ts';

const NOTHING = () => Promise.resolve();
/** A storm lasts longer than anyone may be silent in it. */
const STORM_MS = BARS.takeOver.duringMs + 3_000;

const barOf = (service: ServiceName) => (answersWaitFor(service) ? BARS.takeOver : BARS.bystander);

const killService =
  (service: ServiceName): Apply =>
  async (world, { target }) => {
    const victim = chosen(world.of(service), target);
    if (victim === null) return null;
    victim.kill('SIGKILL');
    return { target: victim.name, concerned: [], bar: barOf(service), holdMs: TAKE_OVER_MS, heal: NOTHING };
  };

/** A stopped process loses its partitions with its session, and wakes up as a zombie; if it is stopped for long, others go on. */
const pauseService =
  (service: ServiceName): Apply =>
  async (world, { target, holdMs }) => {
    const victim = chosen(world.of(service), target);
    if (victim === null) return null;
    const concerned = holdMs < TAKE_OVER_MS ? concernedBy(world, victim) : [];
    victim.kill('SIGSTOP');
    const heal = async () => victim.kill('SIGCONT');
    return { target: victim.name, concerned, bar: barOf(service), holdMs, heal };
  };

const signalModel =
  (signal: 'SIGKILL' | 'SIGSTOP'): Apply =>
  async (world, { target, detail, holdMs }) => {
    const owner = chosen([...world.of('scorer'), ...world.of('shadow')], target);
    const pid = owner === null ? null : chosen(world.models(owner), detail);
    if (owner === null || pid === null) return null;
    signalIfAlive(pid, signal);
    const heal = async () => signalIfAlive(pid, 'SIGCONT');
    const concerned = concernedBy(world, owner);
    const lasts = signal === 'SIGSTOP' ? holdMs : 0;
    return { target: `a model of ${owner.name}`, concerned, bar: barOf(owner.service), holdMs: lasts, heal };
  };

/** All models of a service end with it. */
const killSpawner: Apply = async (world, { target }) => {
  const owner = chosen([...world.of('scorer'), ...world.of('shadow')], target);
  const [pid] = owner === null ? [] : world.spawners(owner);
  if (owner === null || pid === undefined) return null;
  signalIfAlive(pid, 'SIGKILL');
  const concerned = concernedBy(world, owner);
  return {
    target: `what starts the models of ${owner.name}`,
    concerned,
    bar: barOf(owner.service),
    holdMs: 0,
    heal: NOTHING,
  };
};

const endBroker =
  (signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP'): Apply =>
  async (world, { target, holdMs }) => {
    const id = chosen(world.cluster.ids, target) ?? 1;
    await world.cluster.node(id).kill(signal);
    return broker(id, holdMs);
  };

const fullDisk: Apply = async (world, { target, holdMs }) => {
  const id = chosen(world.cluster.ids, target) ?? 1;
  await world.cluster.fillDisk(id);
  return broker(id, holdMs);
};

/** Two of three nodes are enough for everything. */
function broker(id: number, holdMs: number): Applied {
  return { target: `broker ${id}`, concerned: [], bar: BARS.broker, holdMs, heal: NOTHING };
}

/** Members come and go faster than a group settles. */
const rebalanceStorm: Apply = async (world) => {
  const work = storm(world);
  return { target: 'routers and scorers', concerned: [], bar: BARS.takeOver, holdMs: STORM_MS, work, heal: NOTHING };
};

async function storm(world: World): Promise<void> {
  for (const untilMs = clock.nowMs() + STORM_MS; clock.nowMs() < untilMs; ) {
    const extra = (['router', 'scorer'] as const).map((service) => world.fleet.start(service));
    await Promise.all(extra.map((process) => process.ready()));
    await Promise.all(extra.map((process) => process.stop()));
  }
}

const perService = (verb: string, of: (service: ServiceName) => Apply) =>
  SERVICES.map((service): readonly [string, Apply] => [`${verb}-${service}`, of(service)]);

/** By kind. */
export const PROCESS_FAULTS: Readonly<Record<string, Apply>> = {
  ...Object.fromEntries([...perService('kill', killService), ...perService('pause', pauseService)]),
  'kill-model': signalModel('SIGKILL'),
  'pause-model': signalModel('SIGSTOP'),
  'kill-spawner': killSpawner,
  'kill-broker': endBroker('SIGKILL'),
  'restart-broker': endBroker('SIGTERM'),
  'pause-broker': endBroker('SIGSTOP'),
  'full-disk': fullDisk,
  'rebalance-storm': rebalanceStorm,
};
