// CI: whether this runs where nothing may be skipped. One meaning for tests, the test command and the broker they share.

/** True when CI is set to anything but nothing, `false` or `0`. */
export function isCi(env: Readonly<Record<string, string | undefined>>): boolean {
  return !['', 'false', '0'].includes(env.CI ?? '');
}
