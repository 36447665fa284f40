// Watch: the parent of every JVM that jvm-broker.ts starts; it ends them when their user ends, however that happens.
// Flow: the user holds this process's standard input. When that pipe closes (stop, crash, SIGKILL), the JVMs are killed and
//       the data folder is removed. It runs in its own session, so that a Ctrl-C at the user's terminal does not reach the
//       broker while the user still drains.
// Protocol: argv[2] is JSON `{ folder, nodes: { [id]: { command, args, log } } }`. Lines on stdin: `start <id>`. Lines on
//       stdout: `started <id> <pid>`, `ended <id>`.
// JavaScript, not TypeScript: Node 20 runs it from the sources (tests) as well as beside dist/.
import { spawn } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const { folder, nodes } = JSON.parse(process.argv[2]);
const running = new Map();
let ending = false;

function say(line) {
  process.stdout.write(`${line}\n`);
}

function start(id) {
  const { command, args, log } = nodes[id];
  const out = openSync(log, 'a');
  const child = spawn(command, args, { stdio: ['ignore', out, out], cwd: folder });
  closeSync(out);
  running.set(id, child);
  const gone = () => {
    running.delete(id);
    if (ending) finishWhenAlone();
    else say(`ended ${id}`);
  };
  child.once('error', gone);
  child.once('exit', gone);
  if (child.pid !== undefined) say(`started ${id} ${child.pid}`);
}

function finishWhenAlone() {
  if (running.size > 0) return;
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(0);
}

function end() {
  if (ending) return;
  ending = true;
  for (const child of running.values()) child.kill('SIGKILL');
  finishWhenAlone();
}

// The user may be gone already when something is said.
process.stdout.on('error', end);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end);
const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const [verb, id] = line.split(' ');
  if (verb === 'start' && !ending && !running.has(id)) start(id);
});
input.on('close', end);
