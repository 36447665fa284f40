// Two projects: `unit` (pure and fast, beside the code and in test/) and `integration` (needs a broker, test/int).
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
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
          exclude: ['**/*.int.test.ts', '**/node_modules/**', 'dist/**'],
          globalSetup: ['test/support/build-child.ts'],
          pool: 'forks',
          // Vitest leaves one core free, which is half of a small machine.
          maxWorkers: '100%',
          // Against what hangs, not what is slow: machines are busy at times.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['shared/**/*.int.test.ts', 'services/**/*.int.test.ts', 'test/**/*.int.test.ts'],
          exclude: ['**/node_modules/**', 'dist/**'],
          globalSetup: ['test/support/build-child.ts', 'test/support/broker-setup.ts'],
          pool: 'forks',
          maxWorkers: 1,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
