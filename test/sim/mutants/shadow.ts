// Mutants of the shadow: where it writes, what it leaves out, and what one transaction holds.
// That it fences first cannot be left out: no bus resumes an owner that has not. Without transactions nothing is fenced.

import type { Mutant } from './mutant.ts';

const FILE = 'services/shadow/partition.js';

export const SHADOW_MUTANTS: readonly Mutant[] = [
  {
    name: 'shadow-answers',
    bug: 'outputs of a shadow are written to E.predictions',
    edits: [
      {
        file: 'shared/serving/copies.js',
        find: "topic: topics.endpoint(endpoint, 'shadow'),",
        replace: "topic: topics.endpoint(endpoint, 'predictions'),",
      },
    ],
  },
  {
    name: 'shadow-commits-first',
    bug: 'the offset is committed before the outputs are written',
    edits: [
      {
        file: FILE,
        find: 'await this.#owned.commit({ outputs: [...outputs, mark], nextOffset: progress.to });',
        replace:
          'await this.#owned.commit({ outputs: [], nextOffset: progress.to }); await this.#owned.commit({ outputs: [...outputs, mark], nextOffset: progress.to });',
      },
    ],
  },
  {
    name: 'shadow-skips-silently',
    bug: 'what is too far behind is passed over without a mark',
    edits: [
      {
        file: FILE,
        find: "await this.#commit([], { kind: 'skipped', from: this.#position, to });",
        replace: 'await this.#owned.commit({ outputs: [], nextOffset: to });',
      },
    ],
  },
  {
    name: 'shadow-samples-by-offset',
    bug: 'the sample is drawn by the offset, not by the request id',
    edits: [
      {
        file: FILE,
        find: 'this.#isSampled(requestIdOf(record))',
        replace: 'this.#isSampled(Buffer.from(String(record.offset)))',
      },
    ],
  },
  {
    name: 'shadow-begins-at-the-end',
    bug: 'a new owner ignores the committed offset and begins at the end',
    edits: [
      {
        file: FILE,
        find: 'this.#position = await this.#owned.resume(startOf(this.#deps.shadow));',
        replace:
          'this.#position = await this.#owned.resume(startOf(this.#deps.shadow)); await this.#owned.commit({ outputs: [], nextOffset: await this.#end() }); this.#position = await this.#owned.resume();',
      },
    ],
  },
  {
    name: 'shadow-without-fence',
    bug: 'outputs and offset are no transaction, and no earlier owner is fenced',
    edits: [
      {
        file: 'services/shadow/endpoint.js',
        find: 'this.#delivery = delivery;',
        replace: "this.#delivery = 'at-least-once';",
      },
    ],
  },
];
