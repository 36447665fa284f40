// Refusal: what becomes of a package from the first look to READY, in the order in which a model's process goes, and what
// it cost to say no.
// Method: heap spaces for large objects and ArrayBuffers are read before and after; nothing is collected in between.

import { join } from 'node:path';
import v8 from 'node:v8';
import { readGolden } from '../../shared/models/manifest.ts';
import { verifyPackage } from '../../shared/models/verify.ts';
import { prepareModel } from '../../shared/runtimes/prepare.ts';
import { RUNTIMES } from '../../shared/runtimes/registry.ts';

export interface Refusal {
  /** What was thrown, or null when the model was ready. */
  readonly error: unknown;
  readonly ms: number;
  /** Bytes of ArrayBuffers, and of objects too large for a page of the heap (128 KiB and more). */
  readonly largeBytes: number;
}

export async function refusalOf(root: string, endpoint: string, version: number): Promise<Refusal> {
  const [before, startMs] = [large(), performance.now()];
  const error = await ready(root, endpoint, version).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return { error, ms: performance.now() - startMs, largeBytes: large() - before };
}

async function ready(root: string, endpoint: string, version: number): Promise<void> {
  const { folder, manifest } = await verifyPackage(root, endpoint, version);
  const golden = await readGolden(folder, manifest);
  const served = { manifest, golden, entry: join(folder, manifest.entry) };
  const { model } = await prepareModel(served, RUNTIMES, () => performance.now());
  await model.dispose();
}

function large(): number {
  const spaces = v8.getHeapSpaceStatistics().filter(({ space_name: name }) => /large_object/.test(name));
  const objects = spaces.reduce((sum, { space_used_size: used }) => sum + used, 0);
  return objects + v8.getHeapStatistics().external_memory;
}
