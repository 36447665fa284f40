// Goal: a commit sends the right requests in the right order, and every failure ends in the right error and a discard.
// Method: a stand-in broker that records the requests and fails one of them.

import { expect, test } from 'vitest';
import type { OutRecord } from '../../domain/record.ts';
import { BrokerRefusal, CODE } from './broker-errors.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Connections } from './connections.ts';
import { BatchLimits } from './produce.ts';
import { fenceTransactions, TransactionalWriter, type TransactionScope } from './transaction.ts';

const IDENTITY = { producerId: '77', producerEpoch: 3 };
const OUTPUT: OutRecord = { topic: 'out', partition: 0, key: null, value: Buffer.from('v'), headers: [] };

/** What a request answers: nothing to fail with, an error to throw, or for `produce` a code. */
type Fail = (nth: number) => unknown;
type Answers = Partial<Record<string, Fail>>;

function standIn(answers: Answers) {
  const asked: string[] = [];
  const forgotten: string[] = [];
  const ask = (name: string) => async (): Promise<unknown> => {
    asked.push(name);
    const error = answers[name]?.(asked.filter((other) => other === name).length);
    if (error instanceof Error) throw error;
    return error ?? IDENTITY;
  };
  const broker = Object.fromEntries(
    ['initProducerId', 'addPartitionsToTxn', 'addOffsetsToTxn', 'txnOffsetCommit'].map((name) => [name, ask(name)]),
  );
  const endTxn = async ({ transactionResult }: { transactionResult: boolean }) =>
    ask(transactionResult ? 'commit' : 'abort')();
  const send = async () => [{ topic: 'out', partition: 0, code: Number((await ask('produce')()) ?? 0) || 0 }];
  const clock = { nowMs: () => 0, sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) };
  const view = {
    settings: { clock, transactionTimeoutMs: 50 },
    coordinator: async () => 'coordinator',
    forgetCoordinator: (kind: string) => forgotten.push(kind),
    leader: () => 'leader',
    track: async () => undefined,
    refresh: async () => undefined,
    recover: async () => undefined,
  };
  const connections = {
    to: async () => ({ broker: { ...broker, endTxn }, send }),
    drop: () => undefined,
    dropAll: () => undefined,
  };
  const scope: TransactionScope = {
    view: view as unknown as ClusterView,
    connections: connections as unknown as Connections,
    limits: new BatchLimits(),
    transactionalId: 'g.in-0',
    group: 'g',
    topic: 'in',
    partition: 0,
  };
  return { scope, asked, forgotten, writer: new TransactionalWriter(scope, IDENTITY) };
}

function refusal(code: number): Fail {
  return () => new BrokerRefusal(code, 'test');
}

function noAnswer(): unknown {
  return new RangeError('connection lost');
}

test('partitions and offsets are added first, then records and offset go out, and the end comes last', async () => {
  const { writer, asked } = standIn({});
  await writer.commit([OUTPUT], 5);
  expect(asked.slice(0, 2).sort()).toEqual(['addOffsetsToTxn', 'addPartitionsToTxn']);
  expect(asked.slice(2, 4).sort()).toEqual(['produce', 'txnOffsetCommit']);
  expect(asked.slice(4)).toEqual(['commit']);
});

test('without outputs only the offset is committed', async () => {
  const { writer, asked } = standIn({});
  await writer.commit([], 5);
  expect(asked).toEqual(['addOffsetsToTxn', 'txnOffsetCommit', 'commit']);
});

test('the transaction before may still be completing: adding is tried again, nothing else', async () => {
  const busy = (nth: number): unknown =>
    nth < 4 ? new BrokerRefusal(CODE.CONCURRENT_TRANSACTIONS, 'test') : undefined;
  const { writer, asked } = standIn({ addPartitionsToTxn: busy });
  await writer.commit([OUTPUT], 5);
  expect(asked.filter((name) => name === 'addPartitionsToTxn')).toHaveLength(4);
  expect(asked.filter((name) => name === 'commit')).toHaveLength(1);
});

test('a transaction that never completes ends in doubt, not in waiting for ever', async () => {
  const { writer } = standIn({ addOffsetsToTxn: refusal(CODE.CONCURRENT_TRANSACTIONS) });
  await expect(writer.commit([], 5)).rejects.toMatchObject({ code: 'COMMIT_DOUBTFUL' });
});

test.each([
  ['addPartitionsToTxn', refusal(CODE.PRODUCER_FENCED), 'FENCED'],
  ['txnOffsetCommit', refusal(CODE.INVALID_PRODUCER_EPOCH), 'FENCED'],
  ['produce', () => CODE.INVALID_PRODUCER_EPOCH, 'FENCED'],
  ['commit', refusal(CODE.PRODUCER_FENCED), 'FENCED'],
  ['addOffsetsToTxn', noAnswer, 'COMMIT_DOUBTFUL'],
  ['produce', noAnswer, 'COMMIT_DOUBTFUL'],
  ['produce', () => CODE.NOT_LEADER_OR_FOLLOWER, 'COMMIT_DOUBTFUL'],
  ['produce', () => CODE.MESSAGE_TOO_LARGE, 'RECORD_TOO_LARGE'],
  ['produce', () => CODE.TOPIC_AUTHORIZATION_FAILED, 'ACCESS_DENIED'],
  ['addOffsetsToTxn', refusal(CODE.GROUP_AUTHORIZATION_FAILED), 'ACCESS_DENIED'],
  ['txnOffsetCommit', refusal(CODE.NOT_COORDINATOR), 'COMMIT_DOUBTFUL'],
  ['commit', noAnswer, 'COMMIT_DOUBTFUL'],
  ['commit', refusal(CODE.NOT_COORDINATOR), 'COMMIT_DOUBTFUL'],
] as const)('a failure of %s ends the writer for good', async (request, fail, code) => {
  const { writer, asked } = standIn({ [request]: fail });
  await expect(writer.commit([OUTPUT], 5)).rejects.toMatchObject({ code });
  const sent = asked.length;
  await expect(writer.commit([OUTPUT], 5)).rejects.toMatchObject({ code: 'COMMIT_DOUBTFUL' });
  expect(asked).toHaveLength(sent);
});

test.each([CODE.TOPIC_AUTHORIZATION_FAILED, CODE.OPERATION_NOT_ATTEMPTED])(
  'a topic that is denied is named, whichever code of many the client tells (%i)',
  async (told) => {
    const denied = (nth: number) =>
      nth === 2 ? undefined : new BrokerRefusal(nth === 1 ? told : CODE.TOPIC_AUTHORIZATION_FAILED, 'test');
    const { writer, asked } = standIn({ addPartitionsToTxn: denied });
    const outputs = [OUTPUT, { ...OUTPUT, topic: 'not-ours' }];
    const refused = { code: 'ACCESS_DENIED', context: { resource: 'topic not-ours' } };
    await expect(writer.commit(outputs, 5)).rejects.toMatchObject(refused);
    expect(asked).not.toContain('produce');
    expect(asked.at(-1)).toBe('abort');
  },
);

test('what failed before the end is aborted, what failed at the end is left alone', async () => {
  const before = standIn({ produce: noAnswer });
  await expect(before.writer.commit([OUTPUT], 5)).rejects.toMatchObject({ code: 'COMMIT_DOUBTFUL' });
  expect(before.asked.at(-1)).toBe('abort');
  expect(before.asked).not.toContain('commit');
  const atEnd = standIn({ commit: noAnswer });
  await expect(atEnd.writer.commit([OUTPUT], 5)).rejects.toMatchObject({ code: 'COMMIT_DOUBTFUL' });
  expect(atEnd.asked).not.toContain('abort');
});

test('a record that is too large is named, a batch of several that is too large is only tried smaller', async () => {
  const alone = standIn({ produce: () => CODE.MESSAGE_TOO_LARGE });
  await expect(alone.writer.commit([OUTPUT], 5)).rejects.toMatchObject({ context: { topic: 'out', index: 0 } });
  const several = standIn({ produce: () => CODE.MESSAGE_TOO_LARGE });
  const limit = several.scope.limits.of('out');
  await expect(several.writer.commit([OUTPUT, OUTPUT], 5)).rejects.toMatchObject({ code: 'COMMIT_DOUBTFUL' });
  expect(several.scope.limits.of('out')).toBeLessThan(limit);
});

test('a fence waits for the transactions of earlier owners and for coordinators that move', async () => {
  const codes = [CODE.CONCURRENT_TRANSACTIONS, CODE.NOT_COORDINATOR, CODE.CONCURRENT_TRANSACTIONS];
  const answer = (nth: number): unknown =>
    codes[nth - 1] === undefined ? IDENTITY : new BrokerRefusal(codes[nth - 1] ?? 0, 'x');
  const { scope, asked, forgotten } = standIn({ initProducerId: answer });
  expect(await fenceTransactions(scope, new AbortController().signal)).toBeInstanceOf(TransactionalWriter);
  expect(asked).toHaveLength(4);
  expect(forgotten).toEqual(['transaction']);
});

test('a fence gives up when the partition is lost, and at once when it is not allowed', async () => {
  const busy = standIn({ initProducerId: refusal(CODE.CONCURRENT_TRANSACTIONS) });
  const lost = new AbortController();
  const fencing = fenceTransactions(busy.scope, lost.signal);
  lost.abort();
  expect(await fencing).toBeNull();
  const forbidden = standIn({ initProducerId: refusal(53) });
  await expect(fenceTransactions(forbidden.scope, new AbortController().signal)).rejects.toMatchObject({
    brokerCode: 53,
  });
});
