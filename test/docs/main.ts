// `npm run docs`: writes the generated parts of the documentation.

import { readFileSync, writeFileSync } from 'node:fs';
import { fillPage, GENERATED } from './generated.ts';

for (const [page, parts] of Object.entries(GENERATED)) {
  writeFileSync(page, fillPage(readFileSync(page, 'utf8'), parts));
  process.stderr.write(`${page}\n`);
}
