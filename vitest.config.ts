import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

const root = path.dirname(fileURLToPath(import.meta.url));
const fixtures = (variable: string, folder: string): string =>
  path.resolve(process.env['INIT_CWD'] ?? root, process.env[variable] ?? path.join(root, 'tests', 'fixtures', folder));

/** Checkpoints of every family where they lie beside the clone; else those of one. */
const beside = path.join(root, '..', 'shared', 'reference', 'checkpoints');
const everyCheckpoint =
  process.env['CHECKPOINTS'] === undefined && existsSync(beside) ? beside : fixtures('CHECKPOINTS', 'checkpoints');

const shared = {
  environment: 'node',
  env: {
    METHOD_VECTORS: fixtures('METHOD_VECTORS', 'methods'),
    CHECKPOINTS: fixtures('CHECKPOINTS', 'checkpoints'),
    TOKENIZERS: fixtures('TOKENIZERS', 'tokenizers'),
    SCORING: fixtures('SCORING', 'scoring'),
  },
  // The electron package downloads its binary when plain Node imports it.
  alias: { electron: path.join(root, 'tests', 'electron', 'no-electron.ts') },
};

export default defineConfig({
  test: {
    // Native sessions must not be ended in mid-run with a thread, so every worker is a process.
    pool: 'forks',
    maxWorkers: 2,
    allowOnly: false,
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['tests/**/*.test.{ts,tsx}'],
          exclude: [...configDefaults.exclude, 'tests/{integration,reference,interop,e2e,bench}/**'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'integration',
          include: ['tests/{integration,reference}/**/*.test.{ts,tsx}'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'interop',
          env: { ...shared.env, CHECKPOINTS: everyCheckpoint },
          include: ['tests/interop/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
