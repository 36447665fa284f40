// MutateHook: a module loader hook that plants one bug into the compiled code while it is loaded, in this process only.
// @source Node.js, `module.register`, customization hooks: initialize and load

import type { InitializeHook, LoadHook } from 'node:module';
import type { Edit } from './mutants/mutant.ts';

let edits: readonly Edit[] = [];

export const initialize: InitializeHook<readonly Edit[]> = (given) => {
  edits = given;
};

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  const meant = edits.filter(({ file }) => url.endsWith(`/dist/${file}`));
  if (meant.length === 0) return loaded;
  const source = meant.reduce(planted, String(loaded.source));
  return { ...loaded, source };
};

/** @throws RangeError when the text is not there exactly once */
export function planted(source: string, { file, find, replace }: Edit): string {
  const count = source.split(find).length - 1;
  if (count !== 1) throw new RangeError(`a mutant's text is ${count} times in ${file}, not once: ${find}`);
  return source.replace(find, () => replace);
}
