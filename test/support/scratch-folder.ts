// ScratchFolder: one temporary folder for everything that a run's tests make (vitest globalSetup), gone after the last of them.
// Method: TMPDIR of the workers and of the processes that they start. Their own ends are too late or too sudden to clean up.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-tests-'));
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
