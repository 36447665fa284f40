// Goal: `millrace recount` says whether the totals of comparisons are what their topics say, and scripts can rely on it.
// Method: the whole house on a memory broker under a virtual clock; totals are bent by writing others.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT_CODES as codes } from '../../services/cli/exit-codes.ts';
import { CONTROL_CONTENT_TYPE, encodeControl } from '../../shared/codec/control.ts';
import { readTotals } from '../../shared/comparing/read-totals.ts';
import { runKey } from '../../shared/domain/comparison.ts';
import { CliWorld, cliRollout } from '../support/cli-world.ts';

const RUN = 'numbers-2/2';
let world: CliWorld;
beforeEach(async () => {
  world = new CliWorld();
  await world.start();
  await world.serve();
  await world.apply(cliRollout(2, 'shadow'));
  await world.produce(Array.from({ length: 40 }, (_, x) => x));
  await world.recordsOf('predictions', 40);
  await world.clock.advance(5_000);
});
afterEach(() => world.stop());

describe('recount', () => {
  it('finds every comparison as its totals say', async () => {
    const { code, stdout } = await world.run(['recount', 'numbers', '-o', 'json']);
    expect(code).toBe(codes.ok.code);
    const found: { run: string; counts: { matched: number }; differences: string[] }[] = JSON.parse(stdout);
    const matched = (run: string) =>
      found.filter((one) => one.run === run).reduce((sum, { counts }) => sum + counts.matched, 0);
    expect([matched('live'), matched(RUN)]).toEqual([40, 40]);
    expect(found.flatMap(({ differences }) => differences)).toEqual([]);
    const table = await world.run(['recount', 'numbers', '--run', RUN]);
    expect(table.stdout.match(/the same/g)).toHaveLength(2);
  });

  it('says in what totals differ, and ends with 1', async () => {
    const { bus, topics } = world;
    const { signal } = new AbortController();
    const onRecord = await world.over(readTotals({ bus, topics, endpoint: 'numbers', signal, onUnreadable() {} }));
    const one = onRecord.find((totals) => runKey(totals) === RUN);
    if (one === undefined) expect.unreachable('the run has totals');
    const { partition, counts } = one;
    const bent = encodeControl('totals', { ...one, counts: { ...counts, matched: counts.matched + 1 } });
    const topic = topics.endpoint('numbers', 'totals');
    await bus.write([{ topic, partition, key: Buffer.from(RUN), value: bent, headers: [CONTROL_CONTENT_TYPE] }]);
    const { code, stdout } = await world.run(['recount', 'numbers']);
    expect(code).toBe(codes.failed.code);
    expect(stdout).toContain(`matched is ${counts.matched + 1}, counted anew ${counts.matched}`);
    expect(stdout.match(/NOT THE SAME/g)).toHaveLength(1);
  });

  it('says so when there is no such comparison', async () => {
    expect((await world.run(['recount', 'numbers', '--run', 'numbers-9/9'])).code).toBe(codes.notFound.code);
    expect((await world.run(['recount', 'nothing'])).code).toBe(codes.notFound.code);
  });
});
