// Registry: every target of the fuzzer. A new one is one entry here.

import type { Target } from '../target.ts';
import { framesTarget } from './frames.ts';
import { headersTarget } from './headers.ts';
import { manifestTarget } from './manifest.ts';
import { PAYLOAD_TARGETS } from './payloads.ts';
import { specTarget } from './spec.ts';
import { WIRE_TARGETS } from './wire.ts';

export const TARGETS: readonly Target[] = [
  ...PAYLOAD_TARGETS,
  headersTarget,
  specTarget,
  manifestTarget,
  framesTarget,
  ...WIRE_TARGETS,
];

export function targetNamed(name: string): Target {
  const found = TARGETS.find((target) => target.name === name);
  if (found === undefined)
    throw new RangeError(`no target ${name}: ${TARGETS.map((target) => target.name).join(', ')}`);
  return found;
}
