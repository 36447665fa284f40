// Goal: the pure parts of the command line: parsing, tables, safe text, waits, verdicts, status and replays.
// Method: examples; properties where any input must be survived.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENT_BLANK, type RolloutEvent, rolloutEventSchema } from '../../../shared/domain/event.ts';
import { HEADER, header } from '../../../shared/domain/headers.ts';
import type { InRecord } from '../../../shared/domain/record.ts';
import { encodedBytes } from '../../../shared/domain/record-bytes.ts';
import { REQUEST_BYTES_MAX } from '../../../shared/domain/topics.ts';
import { linesOf } from './lines.ts';
import { answersCommand, answersRecord, judge, settlesAt } from './outcome.ts';
import { formatWeight, parseCommandLine, parseDuration, parseWeight } from './parse.ts';
import { clipped, printable, shownLength } from './printable.ts';
import { replayOf } from './replay.ts';
import { parseRequestLine } from './request-line.ts';
import { renderTable } from './table.ts';

const decoder = new TextDecoder();
const encoder = new TextEncoder();

describe('parse', () => {
  it.each([
    ['500ms', 500],
    ['60s', 60_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
  ])('%s is %i ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', '5', 'h', '-1s', '1w', '1e9s', '400d'])('%j is no time', (text) => {
    expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it.each([
    ['0', 0],
    ['10000', 10_000],
    ['10%', 1_000],
    ['0.5%', 50],
    ['12.34%', 1_234],
    ['100%', 10_000],
  ])('weight %s is %i bp', (text, bp) => expect(parseWeight(text)).toBe(bp));

  it('every weight is read back from how it is shown', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 10_000 }), (bp) => parseWeight(formatWeight(bp)) === bp));
  });

  it.each([
    ['status  digits --watch', ['status', 'digits', '--watch']],
    [`abort digits --reason "wrong on \\"7\\""`, ['abort', 'digits', '--reason', 'wrong on "7"']],
    [`a 'b c'"d e"f\\ g`, ['a', 'b cd ef g']],
    ['   ', []],
  ])('%j is %j', (line, words) => expect(parseCommandLine(line)).toEqual(words));
});

describe('printable', () => {
  it('lets no control character or direction mark through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
    expect(printable('\u001b[2Jgone\u202e')).toBe('\\u{1b}[2Jgone\\u{202e}');
  });

  it('cuts between characters and says so', () => {
    expect(clipped('aé😀bc', 4)).toBe('aé😀…');
    expect(clipped('abcd', 4)).toBe('abcd');
  });
});

describe('table', () => {
  const rows = [
    ['digits', '12', 'a long last cell that may have to give way'],
    ['x', '7', 'b'],
  ];

  it('aligns, numbers to the right, nothing behind the last cell', () => {
    expect(
      renderTable(
        ['NAME', 'LAG', 'WHY'],
        [
          ['digits', '12', 'a'],
          ['x', '7', 'b'],
        ],
        { width: null, right: [1] },
      ),
    ).toEqual(['NAME    LAG  WHY', 'digits   12  a', 'x         7  b']);
  });

  it('is no wider than the terminal', () => {
    fc.assert(
      fc.property(fc.integer({ min: 34, max: 80 }), (width) => {
        for (const line of renderTable(['NAME', 'LAG', 'WHY'], rows, { width }))
          expect(shownLength(line)).toBeLessThanOrEqual(width);
      }),
    );
  });

  it('does not count colours', () => {
    const [, line] = renderTable(['A', 'B'], [['\u001b[31mred\u001b[39m', 'x']], { width: null });
    expect(line).toBe('\u001b[31mred\u001b[39m  x');
  });
});

describe('lines', () => {
  async function* chunks(parts: readonly Uint8Array[]) {
    yield* parts;
  }

  it('are the same however the bytes are cut, numbered with the blank ones', async () => {
    const text = 'a\r\n\nbé😀\n \nlast';
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 5 })), async (sizes) => {
        const bytes = encoder.encode(text);
        const parts: Uint8Array[] = [];
        let at = 0;
        for (const size of [...sizes, bytes.length]) {
          parts.push(bytes.subarray(at, at + size));
          at += size;
        }
        const lines = [];
        for await (const some of linesOf(chunks(parts))) lines.push(...some);
        expect(lines).toEqual([
          { number: 1, text: 'a' },
          { number: 3, text: 'bé😀' },
          { number: 5, text: 'last' },
        ]);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a request line', () => {
  it('keeps the bytes of a bare request', () => {
    const line = '{"inputs": [ ],  "id":"a"}';
    const { key, value, headers } = parseRequestLine(line);
    expect({ key, headers, text: decoder.decode(value ?? undefined) }).toEqual({ key: null, headers: [], text: line });
  });

  it('takes key, value and headers of a wrapper', () => {
    const { key, value, headers } = parseRequestLine('{"key": 7, "value": {"inputs": []}, "headers": {"a": "b"}}');
    expect([key, value].map((bytes) => decoder.decode(bytes ?? undefined))).toEqual(['7', '{"inputs":[]}']);
    expect(headers).toEqual([header('a', 'b')]);
    expect(parseRequestLine('{"value": null}').value).toBeNull();
  });

  it.each([
    'nonsense',
    '[]',
    '3',
    '{"value": 1, "topic": "x"}',
    '{"value": 1, "key": {}}',
    '{"value": 1, "headers": ["a"]}',
  ])('refuses %s', (line) => {
    expect(() => parseRequestLine(line)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

describe('a wait', () => {
  const model = { version: 2, digest: '2'.repeat(64) };
  const event = (body: Partial<RolloutEvent> & Pick<RolloutEvent, 'type'>): RolloutEvent =>
    rolloutEventSchema.parse({
      ...EVENT_BLANK,
      endpoint: 'e',
      seq: 1,
      atMs: 1,
      phase: 'loading',
      rollout: 'e-2',
      ...body,
    });
  const place = { topic: 'rollouts', offset: 5 } as const;
  const note = event({ type: 'noted', consumed: place });
  const ready = event({ type: 'candidate-ready', candidate: model, lane: 'green', weightBp: 0, phase: 'ready' });
  const ended = (outcome: 'promoted' | 'aborted' | 'failed', rollout = 'e-2') =>
    event({ type: 'rollout-completed', candidate: model, outcome, rollout });
  const run = (events: readonly RolloutEvent[], wait: 'accepted' | 'settled' | 'completed') => {
    const each = judge({ wait, isAnswer: answersRecord(place), outcome: 'promoted' });
    return events.map((one) => each(one)?.kind ?? '-').join(' ');
  };

  it('ends at the answer, when it is settled, or when it is complete', () => {
    expect(run([ready, note, ready, ended('promoted')], 'accepted')).toBe('- ok - -');
    expect(run([ready, note, ready], 'settled')).toBe('- - ok');
    expect(run([note, ready, ended('promoted')], 'completed')).toBe('- - ok');
  });

  it('ends with what was refused or did not come to a good end', () => {
    const refused = event({ type: 'rollout-refused', consumed: place, code: 'ROLLOUT_NOOP' });
    expect(run([refused], 'completed')).toBe('refused');
    expect(run([note, ended('aborted')], 'completed')).toBe('- failed');
    expect(run([note, event({ type: 'candidate-failed', candidate: model, lane: 'green' })], 'settled')).toBe(
      '- failed',
    );
  });

  it('does not take another rollout or another record for its own', () => {
    expect(run([event({ type: 'noted', consumed: { ...place, offset: 4 } })], 'accepted')).toBe('-');
    expect(run([event({ type: 'noted', consumed: { ...place, topic: 'endpoints' } })], 'accepted')).toBe('-');
    expect(run([note, ended('failed', 'e-1'), ended('promoted')], 'completed')).toBe('- - ok');
  });

  it('ends at once when the same again stands where it is to go', () => {
    expect(run([event({ type: 'noted', consumed: place, phase: 'serving' })], 'settled')).toBe('ok');
    const again = judge({ wait: 'completed', isAnswer: answersCommand('k'), outcome: 'aborted' });
    expect(again(event({ type: 'noted', idempotencyKey: 'k', phase: 'aborted' }))?.kind).toBe('ok');
  });

  it.each([
    ['basic', {}, 'completed'],
    ['blue-green', {}, 'settled'],
    ['blue-green', { blueGreen: { promotion: 'auto' } }, 'completed'],
    ['canary', {}, 'settled'],
  ])('%s %j settles at %s', (strategy, options, wait) => {
    expect(settlesAt({ endpoint: 'e', candidate: 1, strategy, ...options })).toBe(wait);
  });
});

describe('a replay', () => {
  const letter: InRecord = {
    topic: 'e.dead-letters',
    partition: 3,
    offset: 9,
    timestampMs: 0,
    key: encoder.encode('k'),
    value: encoder.encode('bytes'),
    headers: [
      header('traceparent', '1'),
      header('traceparent', '2'),
      header(HEADER.cloudEventId, 'old'),
      header(HEADER.deadline, '1'),
      header(HEADER.replayOf, 'older'),
      ...[HEADER.requestId, HEADER.source, HEADER.version, HEADER.lane, HEADER.error, HEADER.stage].map((name) =>
        header(name, 'old'),
      ),
    ],
  };

  it('keeps key, bytes, partition and what the producer sent, in order', () => {
    expect(replayOf(letter, 'e.requests')).toEqual({
      topic: 'e.requests',
      partition: 3,
      key: letter.key,
      value: letter.value,
      headers: [header('traceparent', '1'), header('traceparent', '2'), header(HEADER.replayOf, 'old')],
    });
  });

  it('is refused in words where there is nothing to send', () => {
    expect(replayOf({ ...letter, value: null }, 't')).toMatch(/no bytes/);
    expect(replayOf({ ...letter, headers: [] }, 't')).toMatch(/names no request/);
  });

  it('is refused in words where the header that names the old request makes it too large', () => {
    const fixed = { ...letter, headers: [header(HEADER.requestId, 'old')] };
    const spare = REQUEST_BYTES_MAX - encodedBytes({ ...fixed, headers: [header(HEADER.replayOf, 'old')] });
    const sized = (more: number) => new Uint8Array((letter.value?.length ?? 0) + spare - 4 + more);
    expect(replayOf({ ...fixed, value: sized(-8) }, 't')).toMatchObject({ partition: 3 });
    expect(replayOf({ ...fixed, value: sized(8) }, 't')).toMatch(/as a new request it has \d+ bytes/);
  });
});
