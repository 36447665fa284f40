// Main: a broker for a shell. Prints `MILLRACE_BROKERS=host:port` on standard output and holds the broker until standard
// input closes or Ctrl-C.
// Use: npm run build && node dist/shared/broker/main.js [--nodes 3] [--bench]
//      In the background: `sleep 3600 | node dist/shared/broker/main.js > /tmp/broker.env &` (ends with the sleep).

import { MillraceError } from '../domain/errors.ts';
import { brokerSearch } from './find.ts';

const say = (line: string) => process.stderr.write(`${line}\n`);

try {
  const { broker, reason } = await brokerSearch({
    nodes: process.argv.includes('3') ? 3 : 1,
    purpose: process.argv.includes('--bench') ? 'bench' : 'test',
    onProgress: say,
  });
  if (broker === null) throw new MillraceError('BROKER_NOT_FOUND', { detail: reason });
  process.stdout.write(`MILLRACE_BROKERS=${broker.brokers.join(',')}\n`);
  await new Promise<void>((resolve) => {
    process.stdin.resume().on('end', resolve);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  await broker.stop();
  process.exit(0);
} catch (error) {
  say(error instanceof MillraceError ? `${error.code}: ${error.message}. ${error.action}` : String(error));
  process.exit(1);
}
