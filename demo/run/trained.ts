// Trained: what the digit models were measured at when they were trained (demo/models/results.json).

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { demoPath } from '../demo-path.ts';

const resultsSchema = z.array(z.object({ version: z.int(), testAccuracy: z.number() }));

/** Share of right answers on all test digits, 0..1, by version. */
export function trainedAccuracies(): ReadonlyMap<number, number> {
  const results = resultsSchema.parse(JSON.parse(readFileSync(demoPath('models/results.json'), 'utf8')));
  return new Map(results.map(({ version, testAccuracy }) => [version, testAccuracy]));
}
