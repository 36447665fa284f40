// The documentation says what the code says: generated parts are up to date, and links and paths lead somewhere.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fillPage, GENERATED } from './docs/generated.ts';

const FOLDERS = ['demo', 'docs', 'schemas', 'services', 'shared', 'test'];
/** Files and folders of the repository, by path. */
const PATHS = FOLDERS.flatMap((folder) => [
  folder,
  ...readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
]).concat(readdirSync('.'));
const PAGES = PATHS.filter((path) => path.endsWith('.md'));
/** Named in the file map as what comes next. */
const NOT_YET = ['services/batch', 'services/console'];

/** Paths in `text` that lead nowhere: from the root, or, for a file of ours, the end of one. */
function deadPaths(text: string): readonly string[] {
  const plain = [...text.matchAll(/`(\w[\w.-]*(?:\/[\w.-]+)*)\/?`/g)].map((match) => match[1] ?? '');
  return plain.filter((path) => {
    if (FOLDERS.includes(path.split('/', 1)[0] ?? '') && path.includes('/'))
      return !PATHS.includes(path) && !NOT_YET.includes(path);
    return /\.(?:ts|mjs|avsc|md)$/.test(path) && !PATHS.some((known) => `/${known}`.endsWith(`/${path}`));
  });
}

describe('documentation', () => {
  it.each(Object.entries(GENERATED))('%s has the generated parts that the code gives (npm run docs)', (page, parts) => {
    const text = readFileSync(page, 'utf8');
    for (const name of Object.keys(parts)) expect(text).toContain(`<!-- generated: ${name} -->`);
    expect(text).toBe(fillPage(text, parts));
  });

  it.each(PAGES)('%s links to files that exist', (page) => {
    const links = [...readFileSync(page, 'utf8').matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(
      (match) => match[1] ?? '',
    );
    const broken = links.filter((link) => !/^[a-z]+:/.test(link) && !existsSync(join(dirname(page), link)));
    expect(broken).toEqual([]);
  });

  it.each(PAGES)('%s names paths that exist', (page) => {
    expect(deadPaths(readFileSync(page, 'utf8'))).toEqual([]);
  });

  it('notices a path that leads nowhere', () => {
    const text = '`shared/domain`, `docs/`, `errors.ts`, `a.b`, `test/gone`, `domain/gone.test.ts`, `shared/errors.ts`';
    expect(deadPaths(text)).toEqual(['test/gone', 'domain/gone.test.ts', 'shared/errors.ts']);
  });

  it('notices a page that is out of date', () => {
    expect(fillPage('<!-- generated: x -->\nold\n<!-- end -->', { x: () => 'new\n' })).toContain('new');
  });
});
