// Goal: of one request it is told whose answers may wait for it, and nobody else is excused.

import { expect, it } from 'vitest';
import { concernedByRequest } from './concerned.ts';

const PROCESSES = [
  { name: 'scorer-3', service: 'scorer' },
  { name: 'shadow-4', service: 'shadow' },
] as const;
const head = (clientId: string, transactionalId: string) => ({
  ...{ apiKey: 0, apiVersion: 7, correlationId: 1 },
  ...{ clientId, transactionalId },
});
const TRANSACTION = 'chaos-millrace.scorer.digits.blue.chaos-digits.lane.blue-5';

it("the partition of a scorer's transaction may wait", () => {
  expect(concernedByRequest(head('scorer-3', TRANSACTION), PROCESSES)).toEqual([5]);
});

it('none may wait for a request without a transaction, nor for a shadow, nor for a stranger', () => {
  expect(concernedByRequest(head('scorer-3', ''), PROCESSES)).toEqual([]);
  expect(concernedByRequest(head('shadow-4', TRANSACTION), PROCESSES)).toEqual([]);
  expect(concernedByRequest(head('someone', TRANSACTION), PROCESSES)).toEqual([]);
});
