#!/usr/bin/env node
// Main: `millrace` as a process. Wiring only: streams, signals, user, Kafka.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { BusNotice } from '../../shared/bus/bus.ts';
import { kafkaOptions } from '../../shared/config/common.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import type { CliHost } from './context.ts';
import { EXIT_CODES } from './exit-codes.ts';
import type { Sink } from './output.ts';
import { runCli } from './run.ts';

const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => (ended.signal.aborted ? process.exit(EXIT_CODES.interrupted.code) : ended.abort()));
}
// A reader that has seen enough (`… | head`) ends the command, and that is no error.
process.stdout.on('error', () => process.exit(EXIT_CODES.ok.code));

function sinkOf(stream: NodeJS.WriteStream): Sink {
  return {
    write: (text) => void stream.write(text),
    isTerminal: stream.isTTY === true,
    columns: stream.isTTY === true ? stream.columns : null,
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a user id that nobody has named.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Beside dist/, where the package is. */
function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  return String(version);
}

const host: CliHost = {
  version: packageVersion(),
  stdout: sinkOf(process.stdout),
  stderr: sinkOf(process.stderr),
  stdin: process.stdin,
  env: process.env,
  clock,
  user: userName(),
  newKey: randomUUID,
  signal: ended.signal,
  connect: async (settings, say) => {
    // Loaded when it is needed: help and packing need no Kafka client.
    const { kafkaBus } = await import('../../shared/bus/kafka/kafka-bus.ts');
    const onNotice = (notice: BusNotice) => {
      if (notice.type === 'outage') say(`the broker does not answer, waiting: ${notice.detail}`);
      if (notice.type === 'recovered') say(`the broker answers again after ${notice.downMs} ms`);
    };
    let connected = false;
    const bus = kafkaBus({ ...kafkaOptions(settings), clock, onNotice: (notice) => connected && onNotice(notice) });
    try {
      await bus.admin.topics();
      connected = true;
      return bus;
    } catch (error) {
      await bus.close();
      throw error;
    }
  },
};

const exitCode = await runCli(process.argv.slice(2), host);
// What is written must be out before the process ends, and whatever still holds the event loop must not hold the shell.
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
process.exit(exitCode);
