// Goal: bad input of every kind gets a clear answer, and nothing else suffers: the partition moves on, the last good rollout
//       stays in force, and a package that is not what it should be never serves.
// Method: the house in this process on a real broker, real packages; each case sends one bad thing and a good one after it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DIGITS_ENDPOINT, digitTensor, loadDigits } from '../../demo/data/digits.ts';
import { startHouse } from '../../services/house/house.ts';
import { ROLLBACK_BOUNDS } from '../../shared/analysis/checks/rollback-bound.ts';
import { auditEndpoint } from '../../shared/audit/audit-endpoint.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { decodeControl, encodeControl } from '../../shared/codec/control.ts';
import { codecNamed } from '../../shared/codec/registry.ts';
import type { Running } from '../../shared/control/endpoints.ts';
import type { RolloutEvent } from '../../shared/domain/event.ts';
import { HEADER, header, headerText } from '../../shared/domain/headers.ts';
import type { Bytes, Header, InRecord } from '../../shared/domain/record.ts';
import { encodedBytes } from '../../shared/domain/record-bytes.ts';
import type { RoutePlan } from '../../shared/domain/route-plan.ts';
import { type EndpointTopicKind, REQUEST_BYTES_MAX, topicsOf } from '../../shared/domain/topics.ts';
import { modelRepository } from '../../shared/models/repository.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { modelLauncher, NICE_LIVE } from '../../shared/runtimes/spawn.ts';
import { silentLog } from '../../shared/telemetry/logger.ts';
import { describeWithBroker } from '../support/broker.ts';
import { PackageRepository } from '../support/damaged-packages.ts';
import { eventually } from '../support/eventually.ts';
import { bytesOf } from '../support/plans.ts';
import { CODECS, type CodecName } from './codecs.ts';
import { type CompressingProducer, compressingProducer } from './compressing-producer.ts';

const ANSWER_MS = 10_000;
const EVENT_MS = 20_000;
const AS_PRODUCED = { 'compression.type': 'producer' };
/** Kafka's code for a batch that is larger than its topic takes. */
const MESSAGE_TOO_LARGE = 10;
/** More than a record may have, and next to nothing once compressed. */
const SMUGGLED_BYTES = 3 * REQUEST_BYTES_MAX;
const HEADERS = [header('traceparent', '00-1-2-01'), header('ce_id', 'largest'), header('traceparent', '00-1-3-01')];

describeWithBroker('bad input', ({ brokers, prefix }) => {
  const topics = topicsOf(prefix);
  const requestTopic = topics.endpoint(DIGITS_ENDPOINT, 'requests');
  const good = codecNamed('json').encodeRequest([digitTensor(loadDigits(), 0)]);
  const packages = new PackageRepository(1, 4);
  const plans: RoutePlan[] = [];
  const events: RolloutEvent[] = [];
  const ended = new AbortController();
  let bus: Bus;
  let house: Running;
  let gzip: CompressingProducer;

  beforeAll(async () => {
    const client = { brokers, clientId: 'bad-input', clock, onNotice: () => {} };
    bus = kafkaBus(client);
    gzip = compressingProducer(client, requestTopic, 0);
    // Made before its endpoint, by somebody who lets batches stay compressed: the service leaves it as it is.
    const [made] = topics.endpointTopicSpecs(DIGITS_ENDPOINT, 1).filter(({ name }) => name === requestTopic);
    if (made !== undefined) await bus.admin.createTopics([{ ...made, config: { ...made.config, ...AS_PRODUCED } }]);
    const repository = modelRepository(packages.root);
    const model = { repository: packages.root, clock, nice: NICE_LIVE, environment: process.env, onNotice: () => {} };
    const launcher = modelLauncher(model);
    house = await startHouse({
      bus,
      topics,
      clock,
      log: silentLog,
      launcher,
      shadowLauncher: launcher,
      repository,
      worker: 'bad-input',
    });
    void follow('plans', (record) => plans.push(decodeControl('plan', record)));
    void follow('events', (record) => events.push(decodeControl('event', record)));
    const settings = { endpoint: DIGITS_ENDPOINT, partitions: 1, delivery: 'exactly-once' } as const;
    await control('endpoints', encodeControl('endpoint', { ...settings, road: 'lanes', ordering: 'per-key' }));
    await rollOut({ candidate: 1, strategy: 'basic' });
    await event('v1 serves', (found) => found.type === 'rollout-completed');
  });

  afterAll(async () => {
    gzip?.close();
    ended.abort();
    await house?.stop();
    await bus?.close();
    packages.remove();
  });

  async function follow(kind: 'plans' | 'events', each: (record: InRecord) => void): Promise<void> {
    const from = { topic: topics.control(kind), from: 'earliest', until: 'never', signal: ended.signal } as const;
    for await (const batch of bus.read(from)) batch.records.forEach(each);
  }

  async function control(kind: 'endpoints' | 'rollouts' | 'commands', value: Bytes, key = DIGITS_ENDPOINT) {
    await bus.write([{ topic: topics.control(kind), partition: 0, key: bytesOf(key), value, headers: [] }]);
  }

  /** Any rollout record, sound or not. */
  function rollOut(rollout: object): Promise<void> {
    return control('rollouts', bytesOf(JSON.stringify({ endpoint: DIGITS_ENDPOINT, ...rollout })));
  }

  function event(what: string, wanted: (found: RolloutEvent) => boolean, since = 0): Promise<RolloutEvent> {
    const detail = () => JSON.stringify(events.slice(since).map(({ type, code, message }) => [type, code, message]));
    return eventually(what, () => events.slice(since).find(wanted), { timeoutMs: EVENT_MS, detail });
  }

  async function all(kind: EndpointTopicKind): Promise<InRecord[]> {
    const records: InRecord[] = [];
    const topic = topics.endpoint(DIGITS_ENDPOINT, kind);
    for await (const batch of bus.read({ topic, from: 'earliest', until: 'end' })) records.push(...batch.records);
    return records;
  }

  function request(value: Bytes | null, headers: readonly Header[] = []) {
    return { topic: requestTopic, partition: 0, key: bytesOf('key'), value, headers };
  }

  /** The outcome of one request: its record in predictions, and its dead letter if it has one. */
  async function outcomeOf(offset: number) {
    const bySource = (records: readonly InRecord[]) =>
      records.filter((record) => headerText(record.headers, HEADER.source) === `0@${offset}`);
    const [answer] = await eventually(
      `request ${offset} is answered`,
      async () => {
        const found = bySource(await all('predictions'));
        return found.length > 0 && found;
      },
      { timeoutMs: ANSWER_MS },
    );
    const letters = bySource(await all('dead-letters'));
    const version = answer === undefined ? null : headerText(answer.headers, HEADER.version);
    return { answer, letters, version, error: answer && headerText(answer.headers, HEADER.error) };
  }

  async function nextOffset(): Promise<number> {
    return (await bus.admin.offsets(requestTopic))[0]?.end ?? -1;
  }

  /** Whatever came before, a good request is still answered, by version 1. */
  async function movesOn(): Promise<void> {
    const offset = await nextOffset();
    await bus.write([request(good)]);
    expect(await outcomeOf(offset)).toMatchObject({ error: null, version: '1', letters: [] });
  }

  describe('a request', () => {
    /** `value` with as many spaces before it as make its batch `bytes` long. */
    function padded(value: Bytes, bytes: number, headers: readonly Header[]) {
      const spaces = (count: number) => request(Buffer.concat([Buffer.alloc(count, ' '), value]), headers);
      const least = bytes - encodedBytes(spaces(0));
      return [least - 8, least - 7, least - 6, least - 5, least - 4, least - 3, least - 2, least - 1, least]
        .map(spaces)
        .filter((record) => encodedBytes(record) <= bytes)
        .at(-1);
    }

    it('of exactly the largest size goes all the way, headers included', async () => {
      const offset = await nextOffset();
      const largest = padded(good, REQUEST_BYTES_MAX, HEADERS);
      if (largest === undefined) return expect.unreachable();
      expect(encodedBytes(largest)).toBe(REQUEST_BYTES_MAX);
      await bus.write([largest]);
      const { answer, error, letters } = await outcomeOf(offset);
      expect({ error, letters }).toEqual({ error: null, letters: [] });
      const foreign = answer?.headers.filter(([name]) => name === 'traceparent' || name === 'ce_id');
      expect(foreign?.map(([name, value]) => [name, Buffer.from(value).toString()])).toEqual(
        HEADERS.map(([name, value]) => [name, Buffer.from(value).toString()]),
      );
    });

    it('of the largest size that cannot be read becomes a dead letter with all of its bytes', async () => {
      const offset = await nextOffset();
      const largest = padded(bytesOf('no JSON at all'), REQUEST_BYTES_MAX, HEADERS);
      if (largest === undefined) return expect.unreachable();
      await bus.write([largest]);
      const { error, letters } = await outcomeOf(offset);
      expect(error).toBe('REQUEST_UNREADABLE');
      expect(letters).toHaveLength(1);
      expect(Buffer.from(letters[0]?.value ?? []).equals(largest.value ?? Buffer.alloc(0))).toBe(true);
      await movesOn();
    });

    it('that is one byte larger is refused to its producer', async () => {
      const offset = await nextOffset();
      const tooLarge = padded(good, REQUEST_BYTES_MAX + 1, HEADERS);
      if (tooLarge === undefined) return expect.unreachable();
      expect(encodedBytes(tooLarge)).toBe(REQUEST_BYTES_MAX + 1);
      await expect(bus.write([tooLarge])).rejects.toMatchObject({ code: 'RECORD_TOO_LARGE' });
      expect(await nextOffset()).toBe(offset);
    });

    /** Sends one compressed batch. @returns the offset of its first record */
    async function smuggle(...records: readonly { value: Bytes; headers?: readonly Header[] }[]): Promise<number> {
      const offset = await nextOffset();
      await gzip.send(records.map(({ value, headers }) => request(value, headers)));
      return offset;
    }

    it('beyond the limit that a compressed batch smuggles in is refused; its neighbours are answered', async () => {
      const offset = await smuggle({ value: good }, { value: Buffer.alloc(SMUGGLED_BYTES, ' ') }, { value: good });
      const { answer, error, letters } = await outcomeOf(offset + 1);
      expect(error).toBe('RECORD_TOO_LARGE');
      expect(answer?.value).not.toBeNull();
      expect(letters).toHaveLength(1);
      expect(headerText(letters[0]?.headers ?? [], HEADER.reason)).toContain('too large');
      for (const neighbour of [offset, offset + 2]) {
        expect(await outcomeOf(neighbour)).toMatchObject({ error: null, letters: [] });
      }
      await movesOn();
    });

    it('that is a million headers, small in sum and beyond the limit as a record, is refused for their number', async () => {
      const headers = new Array<Header>(REQUEST_BYTES_MAX).fill(header('', ''));
      const offset = await smuggle({ value: good, headers });
      expect(await outcomeOf(offset)).toMatchObject({ error: 'REQUEST_UNREADABLE' });
      await movesOn();
    });

    it('whose id is as long as a record is known by its place instead', async () => {
      const offset = await nextOffset();
      const id = header(HEADER.cloudEventId, 'x'.repeat(REQUEST_BYTES_MAX - 10_000));
      await bus.write([request(good, [id])]);
      const { answer, error } = await outcomeOf(offset);
      expect(error).toBeNull();
      expect(headerText(answer?.headers ?? [], HEADER.requestId)).toBe(`${requestTopic}-0-${offset}`);
      await movesOn();
    });
  });

  describe('a compressed batch on a topic as we make it', () => {
    const topic = topics.endpoint('plain', 'requests');
    let producer: CompressingProducer;

    beforeAll(async () => {
      await bus.admin.createTopics(topics.endpointTopicSpecs('plain', 1));
      producer = compressingProducer({ brokers, clientId: 'bad-input', clock, onNotice: () => {} }, topic, 0);
    });
    afterAll(() => producer?.close());

    const payload = (text: string | Buffer) => ({ key: bytesOf('key'), value: Buffer.from(text), headers: [] });

    it.each(Object.keys(CODECS) as CodecName[])('in %s is unpacked by the broker, and read', async (codec) => {
      const from = (await bus.admin.offsets(topic))[0]?.end ?? -1;
      await producer.send([payload(`one in ${codec}`), payload(`two in ${codec}`)], codec);
      const read: string[] = [];
      for await (const batch of bus.read({ topic, from, until: 'end' })) {
        read.push(...batch.records.map(({ value }) => Buffer.from(value ?? []).toString()));
      }
      expect(read).toEqual([`one in ${codec}`, `two in ${codec}`]);
    });

    it('that unpacks to more than a record may have is refused to its producer', async () => {
      const before = await bus.admin.offsets(topic);
      const sent = producer.send([payload('small'), payload(Buffer.alloc(SMUGGLED_BYTES, ' '))]);
      await expect(sent).rejects.toMatchObject({ context: { detail: `Kafka error ${MESSAGE_TOO_LARGE}` } });
      expect(await bus.admin.offsets(topic)).toEqual(before);
    });
  });

  describe('a rollout record', () => {
    const canary = { candidate: 4, strategy: 'canary' };
    const bad: readonly (readonly [string, () => Promise<void>, string, RegExp])[] = [
      ['of garbage bytes', () => control('rollouts', Uint8Array.of(0xff, 0, 1, 2)), 'CONTROL_UNREADABLE', /rollouts@/],
      ['that is a list', () => control('rollouts', bytesOf('[4]')), 'CONTROL_UNREADABLE', /neither JSON nor Avro/],
      ['that names a missing version', () => rollOut({ ...canary, candidate: 99 }), 'PACKAGE_MISSING', /version 99/],
      [
        'with a weight above 10000',
        () => rollOut({ ...canary, canary: { weightBp: 10_001 } }),
        'SPEC_INVALID',
        /weightBp/,
      ],
      ['with a weight below 0', () => rollOut({ ...canary, canary: { weightBp: -1 } }), 'SPEC_INVALID', /weightBp/],
      [
        'with a weight that is no integer',
        () => rollOut({ ...canary, canary: { weightBp: 0.5 } }),
        'SPEC_INVALID',
        /weightBp/,
      ],
      ['with an unknown key', () => rollOut({ ...canary, weigth: 100 }), 'SPEC_INVALID', /weigth/],
      ['with an unknown strategy', () => rollOut({ ...canary, strategy: 'hope' }), 'STRATEGY_UNKNOWN', /hope/],
      [
        "under another endpoint's key",
        () => control('rollouts', bytesOf(JSON.stringify({ endpoint: DIGITS_ENDPOINT, ...canary })), 'other'),
        'SPEC_INVALID',
        /key/,
      ],
    ];

    it.each(bad)(
      '%s is answered by an event, and the last good rollout stays in force',
      async (_title, write, code, words) => {
        const [since, planned] = [events.length, plans.length];
        await write();
        const refusal = await event('it is refused', (found) => found.type === 'rollout-refused', since);
        expect(refusal).toMatchObject({ code, consumed: { topic: 'rollouts' }, plan: null });
        expect(refusal.message).toMatch(words);
        await movesOn();
        expect(plans.length).toBe(planned);
      },
    );

    it('is not the only thing that can be wrong: a command with a weight above 10000 is refused as well', async () => {
      const since = events.length;
      const command = { endpoint: DIGITS_ENDPOINT, verb: 'set-weight', weightBp: 10_001, idempotencyKey: 'k' };
      await control('commands', bytesOf(JSON.stringify(command)));
      const refusal = await event('it is refused', (found) => found.type === 'command-refused', since);
      expect(refusal).toMatchObject({ code: 'CONTROL_UNREADABLE' });
      expect(refusal.message).toContain('weightBp');
    });
  });

  describe('a package', () => {
    const damages = [
      ['with a wrong digest', 11, 'withWrongDigest', 'rollout-refused', 'PACKAGE_DIGEST'],
      ['with a path that leaves its folder', 12, 'withPathThatLeaves', 'rollout-refused', 'PACKAGE_PATH'],
      ['with a link that leaves its folder', 13, 'withLinkThatLeaves', 'candidate-failed', 'PACKAGE_PATH'],
      ['with a truncated weight file', 14, 'withTruncatedWeights', 'candidate-failed', 'PACKAGE_DIGEST'],
      ['with a failing golden sample', 15, 'withFailingGolden', 'candidate-failed', 'GOLDEN_MISMATCH'],
    ] as const;

    it.each(damages)(
      '%s is never READY and never routed to; an event says why',
      async (_title, version, damage, type, code) => {
        packages[damage](version);
        const since = events.length;
        await rollOut({ candidate: version, strategy: 'canary' });
        const refusal = await event('it is refused', (found) => found.type === type, since);
        expect(refusal.code).toBe(code);
        expect(refusal.message).not.toBe('');
        if (type === 'candidate-failed') {
          await event('it is over', (found) => found.type === 'rollout-completed' && found.outcome === 'failed', since);
        }
        await movesOn();
        const reports = [];
        for await (const batch of bus.read({ topic: topics.control('workers'), from: 'earliest', until: 'end' })) {
          for (const record of batch.records) if (record.value !== null) reports.push(decodeControl('worker', record));
        }
        const states = reports.filter((report) => report.version === version).map((report) => report.state);
        expect(states).not.toContain('READY');
        const bound = plans.flatMap((plan) =>
          plan.shares.filter((share) => plan.lanes[share.lane]?.version === version),
        );
        expect(bound.filter((share) => share.weightBp > 0)).toEqual([]);
      },
    );

    it('that is sound is taken after all of them', async () => {
      const since = events.length;
      await rollOut({ candidate: 4, strategy: 'basic' });
      await event('v4 serves', (found) => found.type === 'rollout-completed', since);
      const offset = await nextOffset();
      await bus.write([request(good)]);
      expect(await outcomeOf(offset)).toMatchObject({ error: null, version: '4' });
    });
  });

  it('left every request with exactly one outcome', async () => {
    const outcomes = await auditEndpoint({
      ...{ bus, topics, endpoint: DIGITS_ENDPOINT, settled: true, bounds: ROLLBACK_BOUNDS, nowMs: clock.nowMs() },
      signal: new AbortController().signal,
    });
    expect(outcomes).toMatchObject({ deadLettered: 3, kept: [] });
    expect(outcomes.answered).toBe(outcomes.requests - 3);
    expect([...outcomes.versions.keys()].sort()).toEqual([1, 4]);
  });
});
