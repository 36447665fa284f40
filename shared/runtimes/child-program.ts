// ChildProgram: where the programs lie that run in processes of their own, and how one ended in words.

import { fileURLToPath } from 'node:url';
import { errorText } from '../domain/errors.ts';

/**
 * Path of a program of this folder. Sources run under Vitest without a TypeScript loader for child processes: there it is the
 * compiled one in dist/, which test/support/build-child.ts refreshes before any test.
 */
export function childProgram(name: 'child-main' | 'spawner-main', ownUrl: string = import.meta.url): string {
  const folder = ownUrl.endsWith('.ts') ? '../../dist/shared/runtimes' : '.';
  return fileURLToPath(new URL(`${folder}/${name}.js`, ownUrl));
}

/** What Node says of a process that could not be started. */
export function notStarted(error: unknown): string {
  return `it did not start: ${errorText(error)}`;
}

/** What Node says of a process that is over. */
export function endText(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}
