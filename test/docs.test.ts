// The documentation says what the code says: generated parts are up to date, and links lead somewhere.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fillPage, GENERATED } from './docs/generated.ts';

const PAGES = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'schemas/README.md', 'demo/models/README.md'].concat(
  ['docs', 'docs/adr'].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  ),
);

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

  it('notices a page that is out of date', () => {
    expect(fillPage('<!-- generated: x -->\nold\n<!-- end -->', { x: () => 'new\n' })).toContain('new');
  });
});
