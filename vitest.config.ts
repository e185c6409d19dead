import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { TEST_LIMIT_MS } from './tests/hang-limit.ts';

const root = path.dirname(fileURLToPath(import.meta.url));
/** Reference values from the methods' own code: in the folder named by the variable, else in the clone. */
const reference = (variable: string, folder: string): string => {
  const ownFolder = path.join(root, 'tests', 'fixtures', 'reference', folder);
  return path.resolve(process.env['INIT_CWD'] ?? root, process.env[variable] ?? ownFolder);
};

/** Files that take long, and which their size puts late: started last, each would leave the other cores idle. */
const LONG = [
  ...['reference/generation', 'reference/checkpoints', 'integration/curtailed', 'integration/resume'],
  ...['integration/recovery', 'structure/recorded-tables', 'main/inference/recover-plan'],
  ...['main/inference/decoding/decode', 'renderer/figures/sample-views', 'main/evaluation/curtailed-sample'],
  ...['interop/llama-cpp-published'],
].map((name) => path.join(root, 'tests', `${name}.test.ts`));

/** Vitest begins with what took longest before; a clean clone knows sizes alone. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.includes(moduleId);
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

const shared = {
  environment: 'node',
  testTimeout: TEST_LIMIT_MS,
  hookTimeout: TEST_LIMIT_MS,
  env: {
    // No test depends on the user's settings, or creates a key beside them.
    UNCURL_SETTINGS:
      process.env['UNCURL_TEST_REPORT'] === undefined
        ? path.join(tmpdir(), 'uncurl-tests', 'settings.json')
        : (process.env['UNCURL_SETTINGS'] ?? ''),
    // The command line that tests start.
    UNCURL_PROGRAM: path.join(root, 'main', 'cli', 'uncurl.ts'),
    METHOD_VECTORS: reference('METHOD_VECTORS', 'methods'),
    CHECKPOINTS: reference('CHECKPOINTS', 'checkpoints'),
    TOKENIZERS: reference('TOKENIZERS', 'tokenizers'),
    SCORING: reference('SCORING', 'scoring'),
    GENERATION: reference('GENERATION', 'generation'),
  },
  // The electron package downloads its binary when plain Node imports it.
  alias: { electron: path.join(root, 'tests', 'electron', 'no-electron.ts') },
};

/** The built command starts in a third of the processor time; the setup builds what is out of date. */
const built = {
  globalSetup: '.ci/build.mjs',
  env: { ...shared.env, UNCURL_PROGRAM: path.join(root, 'dist', 'uncurl.cjs') },
};

export default defineConfig({
  test: {
    // Native sessions must not be ended in mid-run with a thread, so every worker is a process.
    pool: 'forks',
    maxWorkers: 2,
    allowOnly: false,
    sequence: { sequencer: LongFirst },
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          // Files of one worker share its modules: starting a process for each took a third of the time.
          isolate: false,
          include: ['tests/**/*.test.{ts,tsx}'],
          exclude: [...configDefaults.exclude, 'tests/{integration,reference,interop,slurm,e2e,bench}/**'],
        },
      },
      {
        test: {
          ...shared,
          name: 'integration',
          include: ['tests/{integration,reference}/**/*.test.{ts,tsx}'],
          ...built,
        },
      },
      {
        test: {
          ...shared,
          name: 'slurm',
          include: ['tests/slurm/**/*.test.ts'],
          ...built,
        },
      },
      {
        test: {
          ...shared,
          name: 'interop',
          // The numbers that onnxruntime is held against in `integration`, by PyTorch.
          include: [
            'tests/interop/**/*.test.ts',
            'tests/reference/{generation,methods,published-float8,scoring}.test.ts',
          ],
          ...built,
          env: { ...built.env, ENGINE: 'torch' },
        },
      },
    ],
  },
});
