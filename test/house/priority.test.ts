// Goal: what goes behind the live ones does so as the kernel counts: every thread, and the session where it is its own.
// Method: a process of the test's own says what it has; Linux shows it in /proc.

import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const SESSION = '/proc/self/autogroup';
const NICE = 7;
const compiled = (file: string) => new URL(`../../dist/shared/process/${file}`, import.meta.url).href;
const PROGRAM = `
  const { goBehind } = await import('${compiled('priority.js')}');
  const { systemClock } = await import('${compiled('clock.js')}');
  const { getPriority } = await import('node:os');
  const { existsSync, readdirSync, readFileSync } = await import('node:fs');
  await goBehind(${NICE}, systemClock);
  const threads = readdirSync('/proc/self/task').map((thread) => getPriority(Number(thread)));
  const session = existsSync('${SESSION}') ? readFileSync('${SESSION}', 'utf8') : '';
  console.log(JSON.stringify({ threads: [...new Set(threads)], session }));
`;
/** Who started the tests may have gone behind already. */
const EXPECTED = Math.max(NICE, getPriority());
const ARGS = ['--input-type=module', '-e', PROGRAM];

describe.skipIf(!existsSync('/proc/self/task'))('a process that goes behind', () => {
  test('takes all of its threads with it, and its session where it leads it', async () => {
    const child = spawn(process.execPath, ARGS, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
    const { threads, session } = JSON.parse(await text(child.stdout));
    expect(threads).toEqual([EXPECTED]);
    if (existsSync(SESSION)) expect(session).toMatch(new RegExp(` nice ${NICE}\\n$`));
  });

  test('leaves a session alone that others belong to', async () => {
    const before = existsSync(SESSION) ? readFileSync(SESSION, 'utf8') : '';
    const { stdout } = await promisify(execFile)(process.execPath, ARGS);
    expect(JSON.parse(stdout)).toEqual({ threads: [EXPECTED], session: before });
  });
});
