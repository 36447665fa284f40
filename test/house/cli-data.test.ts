// Goal: what the command line sends, shows and explains of requests, against the real services.
// Method: command lines against the whole house on a memory broker under a virtual clock (support/cli-world.ts).

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT_CODES as codes } from '../../services/cli/exit-codes.ts';
import { HEADER, header, headerText } from '../../shared/domain/headers.ts';
import { REQUEST_BYTES_MAX } from '../../shared/domain/topics.ts';
import { CliWorld, cliRequest, cliRollout } from '../support/cli-world.ts';
import { fakeAnswer } from '../support/fake-launcher.ts';

let world: CliWorld;
beforeEach(async () => {
  world = new CliWorld();
  await world.start();
});
afterEach(() => world.stop());

describe('produce', () => {
  beforeEach(() => world.serve());

  it('shows the source and id of each request, and keys keep their partition', async () => {
    const sent = await world.produce([1, 2, 3], '--key', 'k', '-o', 'json');
    const rows = sent.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map(({ offset }) => offset)).toEqual([0, 1, 2]);
    expect(new Set(rows.map(({ partition }) => partition)).size).toBe(1);
    expect(rows[2]).toMatchObject({
      key: 'k',
      requestId: `numbers.requests-${rows[2].partition}-2`,
      source: `${rows[2].partition}@2`,
    });
    expect(sent.stderr).toContain('3 requests written to numbers.requests');
  });

  it('tells identical requests apart', async () => {
    const sent = await world.produce([7, 7, 7, 7], '-o', 'json');
    const sources = sent.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).source);
    expect(new Set(sources).size).toBe(4);
  });

  it('sends wrapped requests, headers and Avro, and they are answered', async () => {
    const wrapped = JSON.stringify({ key: 'a', value: JSON.parse(cliRequest(5)), headers: { ce_id: 'order-1' } });
    const sent = await world.run(['produce', 'numbers', '--avro', '-H', 'origin=test'], {
      stdin: `${wrapped}\n\n${cliRequest(6)}\n`,
    });
    expect(sent.stdout).toContain('order-1 a');
    const answers = await world.recordsOf('predictions', 2);
    expect(answers.map((record) => headerText(record.headers, 'origin'))).toEqual(['test', 'test']);
    const shown = await world.run(['tail', 'numbers']);
    expect(shown.stdout).toContain(`y[1,1]=[${fakeAnswer(1, 5)}]`);
    expect(shown.stdout).toContain(`y[1,1]=[${fakeAnswer(1, 6)}]`);
  });

  it('shows only the count when told so', async () => {
    expect((await world.produce([1, 2], '--count')).stdout).toBe('2\n');
  });

  it('says which line is wrong, after everything before it was written', async () => {
    const sent = await world.run(['produce', 'numbers'], {
      stdin: `${cliRequest(1)}\n\n{"value": 1, "topic": "x"}\n${cliRequest(2)}\n`,
    });
    expect(sent.code).toBe(codes.usage.code);
    expect(sent.stderr).toContain("USAGE: (stdin):3: unknown key 'topic' beside 'value'");
    expect(sent.stderr).toContain('(1 requests before it were written)');
    expect(await world.recordsOf('requests', 1)).toHaveLength(1);
  });

  it('says which line is too large, after everything before it was written', async () => {
    const large = JSON.stringify({ value: 'x'.repeat(REQUEST_BYTES_MAX) });
    const sent = await world.run(['produce', 'numbers'], { stdin: `${cliRequest(1)}\n${large}\n${cliRequest(2)}\n` });
    expect(sent.code).toBe(codes.failed.code);
    expect(sent.stderr).toMatch(
      /RECORD_TOO_LARGE: a record of 1\d{6} bytes is too large for numbers\.requests \(\(stdin\):2; 1 requests/,
    );
    expect(await world.recordsOf('requests', 1)).toHaveLength(1);
  });

  it('refuses an endpoint that is not there', async () => {
    expect((await world.run(['produce', 'nobody'], { stdin: cliRequest(1) })).code).toBe(codes.notFound.code);
  });
});

describe('tail', () => {
  it('shows requests, lanes, cuts and dead letters, the newest last', async () => {
    await world.serve();
    await world.produce([1, 2, 3]);
    await world.run(['produce', 'numbers'], { stdin: '{"value": "no tensor\\u001b[31m"}' });
    await world.recordsOf('predictions', 4);
    expect((await world.run(['tail', 'numbers', '--requests', '-n', '2'])).stdout.trim().split('\n')).toHaveLength(2);
    expect((await world.run(['tail', 'numbers', '--lane', 'blue'])).stdout).toMatch(
      /of 0@0 v1 blue plan \d+ bucket \d+ json \d+ bytes/,
    );
    expect((await world.run(['tail', 'numbers', '--cuts'])).stdout).toMatch(
      /from 0 on: plan \d+ of numbers-1: blue v1 100\.00%/,
    );
    const letters = await world.run(['tail', 'numbers', '--dead-letters']);
    expect(letters.stdout).toContain('REQUEST_UNREADABLE at scorer');
    expect(letters.stdout).toContain('\\u{1b}[31m');
    expect(letters.stdout).not.toContain('\u001b');
  });

  it('goes on until Ctrl-C with --follow', async () => {
    await world.serve();
    await world.produce([1]);
    await world.recordsOf('predictions', 1);
    const following = world.run(['tail', 'numbers', '-f', '-o', 'json'], { interruptAfterMs: 4_000 });
    expect((await following).stdout.trim().split('\n')).toHaveLength(1);
  });

  it('takes one topic at a time', async () => {
    const both = await world.run(['tail', 'numbers', '--cuts', '--lane', 'blue']);
    expect(both).toMatchObject({ code: codes.usage.code, stderr: expect.stringContaining('cannot be used with') });
  });
});

describe('explain', () => {
  beforeEach(() => world.serve());

  it('recomputes the version and agrees with the answer', async () => {
    await world.apply(cliRollout(2, 'canary', 'canary: { weightBp: 5000 }\n'));
    await world.produce(Array.from({ length: 20 }, (_, i) => i));
    const answers = await world.recordsOf('predictions', 20);
    for (const answer of answers.slice(0, 8)) {
      const id = headerText(answer.headers, HEADER.requestId) ?? '';
      const { code, stdout } = await world.run(['explain', id, '-o', 'json']);
      const told = JSON.parse(stdout);
      expect(code).toBe(0);
      expect(told.verdict).toBe('answered');
      expect(String(told.route.version)).toBe(headerText(answer.headers, HEADER.version));
      expect(String(told.route.bucket)).toBe(headerText(answer.headers, HEADER.bucket));
    }
  });

  it('finds a request by its ce_id, and by its source', async () => {
    await world.run(['produce', 'numbers', '-H', 'ce_id=order-7'], { stdin: cliRequest(3) });
    await world.recordsOf('predictions', 1);
    const byId = await world.run(['explain', 'order-7']);
    expect(byId).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('answered by the version that the cuts name'),
    });
    expect(byId.stdout).toMatch(/request +order-7 \(numbers 0@0, key -\)/);
    const bySource = await world.run(['explain', '0@0', '-e', 'numbers']);
    expect(bySource.stdout).toBe(byId.stdout);
  });

  it('tells a rescue with its reason', async () => {
    world.launcher.set(2, { poison: [13] });
    await world.apply(cliRollout(2, 'canary', 'canary: { weightBp: 10000 }\n'));
    await world.produce([13]);
    await world.recordsOf('predictions', 1);
    const { code, stdout } = await world.run(['explain', '0@0', '-e', 'numbers']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/rescued +lane blue at \d+, for v1, because v2:MODEL_FAILED/);
    expect(stdout).toContain('the rescue and its reason are on record');
  });

  it('tells a dead letter', async () => {
    await world.run(['produce', 'numbers'], { stdin: '{"value": "nonsense"}' });
    await world.recordsOf('dead-letters', 1);
    const { code, stdout } = await world.run(['explain', 'numbers.requests-0-0']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/dead letter at \d+: REQUEST_UNREADABLE at scorer/);
  });

  it('says plainly when the records disagree, and ends with 1', async () => {
    await world.produce([1]);
    const [answer] = await world.recordsOf('predictions', 1);
    const other = { ...answer, headers: [header(HEADER.source, '0@0'), header(HEADER.version, '9')] };
    await world.write({
      topic: world.topics.endpoint('numbers', 'predictions'),
      partition: 0,
      key: null,
      value: null,
      headers: other.headers,
    });
    const { code, stdout } = await world.run(['explain', '0@0', '-e', 'numbers']);
    expect(code).toBe(codes.failed.code);
    expect(stdout).toContain('v9 answered, but the cuts name v1');
    expect(stdout).toContain('it ended in 2 answers');
    expect(stdout).toContain('DISAGREE');
  });

  it('says that a request is still on its way', async () => {
    world.launcher.set(1, { state: 'LOADING' });
    await world.clock.advance(2_000);
    await world.produce([1]);
    await world.clock.advance(1_000);
    const { code, stdout } = await world.run(['explain', '0@0', '-e', 'numbers']);
    expect({ code, verdict: stdout.includes('still on its way') }).toEqual({ code: 0, verdict: true });
  });

  it.each([
    ['no-such-id', codes.notFound.code],
    ['numbers.requests-0-99', codes.notFound.code],
    ['numbers.requests-7-0', codes.notFound.code],
    ['0@0', codes.usage.code],
  ])('%s ends with %i', async (id, code) => {
    expect((await world.run(['explain', id])).code).toBe(code);
  });
});

describe('dlq', () => {
  beforeEach(async () => {
    await world.serve();
    world.launcher.set(1, { poison: [13] });
    await world.run(
      [
        'produce',
        'numbers',
        '--key',
        'k',
        '-H',
        'ce_id=order-1',
        'traceparent=00-1',
        'millrace-deadline-ms=99999999999999',
      ],
      {
        stdin: cliRequest(13),
      },
    );
    await world.recordsOf('dead-letters', 1);
  });

  it('lists what could not be answered, and why', async () => {
    const { stdout } = await world.run(['dlq', 'ls', 'numbers']);
    expect(stdout).toMatch(/[01]@0 +order-1 +k +MODEL_FAILED +scorer +version 1 of .* cannot score 13/);
    const [letter] = JSON.parse((await world.run(['dlq', 'ls', 'numbers', '-o', 'json'])).stdout);
    expect(letter).toMatchObject({ requestId: 'order-1', code: 'MODEL_FAILED', record: { key: 'k' } });
  });

  it('replays it as a new request that names the old one', async () => {
    world.launcher.set(1, { poison: [] });
    const replayed = await world.run(['dlq', 'replay', 'numbers', '--code', 'MODEL_FAILED', '-o', 'json']);
    expect(replayed.code).toBe(0);
    const [old, again] = await world.recordsOf('requests', 2);
    expect(again?.headers.map(([name]) => name)).toEqual(['traceparent', HEADER.replayOf]);
    expect(headerText(again?.headers ?? [], HEADER.replayOf)).toBe('order-1');
    expect({ key: again?.key, value: again?.value, partition: again?.partition }).toEqual({
      key: old?.key,
      value: old?.value,
      partition: old?.partition,
    });
    const { newRequestId } = JSON.parse(replayed.stdout);
    expect(newRequestId).toBe(`numbers.requests-${again?.partition}-1`);
    await world.recordsOf('predictions', 2);
    expect((await world.run(['explain', newRequestId])).code).toBe(0);
  });

  it('replays by source, and nothing with --dry-run', async () => {
    const [letter] = await world.recordsOf('dead-letters', 1);
    const source = headerText(letter?.headers ?? [], HEADER.source) ?? '';
    const dry = await world.run(['dlq', 'replay', 'numbers', '--source', source, '--dry-run']);
    expect(dry).toMatchObject({ code: 0, stderr: expect.stringContaining('1 would be sent') });
    expect(await world.recordsOf('requests', 1)).toHaveLength(1);
  });

  it('leaves out what has no bytes, and ends with 1', async () => {
    await world.run(['produce', 'numbers'], { stdin: '{"value": null}' });
    await world.recordsOf('dead-letters', 2);
    const replayed = await world.run(['dlq', 'replay', 'numbers', '--all']);
    expect(replayed.code).toBe(codes.failed.code);
    expect(replayed.stderr).toContain('it has no bytes');
    expect(replayed.stderr).toContain('1 sent, 1 left out');
  });

  it.each([
    [['--all', '--code', 'EXPIRED'], codes.usage.code],
    [[], codes.usage.code],
    [['--code', 'NO_SUCH_CODE'], codes.usage.code],
    [['--source', '0-0'], codes.usage.code],
    [['--code', 'EXPIRED'], codes.notFound.code],
  ])('replay %j ends with %i', async (options, code) => {
    expect((await world.run(['dlq', 'replay', 'numbers', ...options])).code).toBe(code);
  });
});
