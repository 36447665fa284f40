// Projects, from fast to slow: `unit` (one piece, beside the code and in test/), `client` (what stands on kafkajs), `house`
// (the whole house on the memory bus, and real model processes: test/house), `integration` (needs a broker: test/int).
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const NOT_OURS = ['**/node_modules/**', 'dist/**'];
const WITH_BROKER = '**/*.int.test.ts';
const SCRATCH = 'test/support/scratch-folder.ts';
const KAFKAJS = 'shared/bus/kafka/**/*.test.ts';
const fast = {
  exclude: [...NOT_OURS, WITH_BROKER],
  pool: 'forks',
  // Vitest leaves one core free, which is half of a small machine.
  maxWorkers: '100%',
  // Against what hangs, not what is slow: machines are busy at times.
  testTimeout: 30_000,
} as const;

/** Waits for most of a minute: whatever else there is may run meanwhile. */
const LONGEST = 'test/house/demo.test.ts';

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLongest = ({ moduleId }: TestSpecification) => moduleId.endsWith(LONGEST);
    return [...sorted.filter(isLongest), ...sorted.filter((file) => !isLongest(file))];
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...fast,
          name: 'unit',
          include: [
            'shared/**/*.test.ts',
            'services/**/*.test.ts',
            'demo/**/*.test.ts',
            'test/*.test.ts',
            'test/chaos/*.test.ts',
            'test/checkers/*.test.ts',
            'test/run/*.test.ts',
            'test/contract/**/*.test.ts',
          ],
          exclude: [...NOT_OURS, WITH_BROKER, KAFKAJS],
          globalSetup: [SCRATCH, 'test/support/build-child.ts'],
          // Nothing here changes what a module holds, and a process for each file took longer than most tests.
          isolate: false,
        },
      },
      { test: { ...fast, name: 'client', include: [KAFKAJS], globalSetup: [SCRATCH] } },
      {
        test: {
          ...fast,
          name: 'house',
          // One for the longest, which seldom does anything.
          maxWorkers: 3,
          include: ['test/house/*.test.ts'],
          globalSetup: [SCRATCH, 'test/support/build-child.ts'],
        },
      },
      {
        test: {
          name: 'integration',
          include: ['shared/**/*.int.test.ts', 'services/**/*.int.test.ts', 'test/**/*.int.test.ts'],
          exclude: NOT_OURS,
          globalSetup: [SCRATCH, 'test/support/build-child.ts', 'test/support/broker-setup.ts'],
          pool: 'forks',
          // Mostly they wait: for sessions, brokers, processes. Each file has topics of its own.
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
