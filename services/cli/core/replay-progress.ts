// ReplayProgress: what a replay says of its progress.

/** How far a replay is, with an estimate once there is anything to estimate from. @param elapsedMs since it began, > 0 */
export function progressText({ done, total, elapsedMs }: Record<'done' | 'total' | 'elapsedMs', number>): string {
  const far = `${done} of ${total} requests`;
  if (done === 0) return far;
  const perSecond = (done * 1_000) / elapsedMs;
  return `${far}, ${Math.round(perSecond)}/s, ${Math.ceil((total - done) / perSecond)} s to go`;
}
