// The test command: stages in order, each with a printed time budget, and one closing line with the sum of all tests.
// Without CI: set-up, check, integration. Under CI also the demo with its assertions, the simulation with its planted bugs,
// and hostile input.
// Invariant: a stage that fails or overruns its budget fails the command; nothing that was skipped looks green.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isCi } from '../../shared/config/ci.ts';
import { runStage, type StageResult, stagesOf, summaryOf } from './stages.ts';

const scratch = mkdtempSync(join(tmpdir(), 'millrace-test-'));
const results: StageResult[] = [];
const ci = isCi(process.env);

for (const stage of stagesOf({ ci, scratch })) {
  const result = await runStage(stage);
  results.push(result);
  if (!result.ok) break;
}
rmSync(scratch, { recursive: true, force: true });
process.stdout.write(summaryOf(results));
process.exitCode = results.every((result) => result.ok) ? 0 : 1;
