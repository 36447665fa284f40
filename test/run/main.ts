// The test command: stages in order, each with a printed time budget, and one closing line with the sum of all tests.
// Without CI: set-up, check, integration, five minutes in all. Under CI also the demo with its assertions, the simulation with
// its planted bugs, and hostile input, forty minutes in all.
// Invariant: a stage that fails, or overruns its budget or what is left of all time, fails the command; nothing that was
// skipped looks green.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isCi } from '../../shared/config/ci.ts';
import { runStages, stagesOf, totalBudgetMs } from './stages.ts';
import { summaryOf } from './summary.ts';

const scratch = mkdtempSync(join(tmpdir(), 'millrace-test-'));
const ci = isCi(process.env);
const totalMs = totalBudgetMs(ci);
const results = await runStages(stagesOf({ ci, scratch }), totalMs);
rmSync(scratch, { recursive: true, force: true });
process.stdout.write(summaryOf(results, totalMs));
process.exitCode = results.every((result) => result.ok) ? 0 : 1;
