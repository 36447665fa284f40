// Goal: a partition counts as left behind when its owner fell silent and nobody live has it, and only then.

import { expect, it } from 'vitest';
import { WORKER_EXPIRY_MS, type WorkerReport } from '../../../shared/domain/worker.ts';
import { SILENCE_MAX_MS, silentOwners } from './silent-owners.ts';

const NOW_MS = 100_000;

function report(worker: string, silentMs: number, green: readonly number[], version = 1): WorkerReport {
  return {
    ...{ worker, endpoint: 'digits', version, digest: 'd', state: 'READY', runtime: 'r 1', problem: '' },
    role: 'scorer',
    owned: { blue: [], green: [...green] },
    atMs: NOW_MS - silentMs,
  };
}

it('is what a worker owned that has not reported for longer than three heartbeats', () => {
  const reports = [report('dead', WORKER_EXPIRY_MS + 1, [0, 2]), report('late', WORKER_EXPIRY_MS, [1])];
  expect(silentOwners(reports, NOW_MS)).toEqual([
    { worker: 'dead', lane: 'green', partition: 0 },
    { worker: 'dead', lane: 'green', partition: 2 },
  ]);
});

it('goes by the newest of its reports: one of a version that it has dropped grows old by itself', () => {
  expect(silentOwners([report('w', 20_000, [0], 1), report('w', 100, [0], 2)], NOW_MS)).toEqual([]);
});

it('leaves alone what a live worker has taken over', () => {
  const reports = [report('dead', 20_000, [0, 1]), report('heir', 500, [1])];
  expect(silentOwners(reports, NOW_MS)).toEqual([{ worker: 'dead', lane: 'green', partition: 0 }]);
});

it('is the last of several that fell silent, and nobody who fell silent long ago', () => {
  const reports = [
    report('first', 20_000, [0, 1]),
    report('heir', 5_000, [0]),
    report('buried', SILENCE_MAX_MS + 1, [2]),
  ];
  expect(silentOwners(reports, NOW_MS)).toEqual([
    { worker: 'heir', lane: 'green', partition: 0 },
    { worker: 'first', lane: 'green', partition: 1 },
  ]);
});
