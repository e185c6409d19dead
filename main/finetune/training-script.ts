import { z } from 'zod';
import { boundedRecord, boundedText, shortName } from '../contract/bounds.ts';
import { CancelledError, fail, refuse, WorkbenchError } from '../contract/errors.ts';
import { endingReason, isLackOfMemory, saidAtEnd } from '../contract/process-end.ts';
import { finetuneStep, type FinetuneSettings, type FinetuneStep } from '../contract/finetune.ts';
import { snakeCase } from '../figures/columns.ts';
import type { TrainingPython } from './find-python.ts';
import { runProgram } from './run-program.ts';
import type { TrainingSequence } from './training-sequences.ts';

/** The script's settings, under the script's own names. */
export interface ScriptJob {
  readonly model: string;
  /** Folder of the model whose distributions the stage `distil` learns; null without that stage. */
  readonly teacher: string | null;
  /** Folder for the weights; must exist. */
  readonly out: string;
  /** Folder of the state from which a killed training continues; must exist. */
  readonly state: string;
  /** File in that folder to continue from, and its SHA-256; null: from the beginning. */
  readonly resume: { readonly file: string; readonly sha256: string } | null;
  readonly sequences: readonly TrainingSequence[];
  /** Groups of items of the general stage; empty without such a stage. */
  readonly mixture: readonly (readonly TrainingSequence[])[];
  /** Tokens per sequence of the mixture. */
  readonly length: number;
  /** The token that ends an item of the mixture, which its neighbour may begin with; null where none is known. */
  readonly end: number | null;
  readonly settings: FinetuneSettings;
  readonly threads: number;
}

export const scriptJobText = ({ settings, resume, ...data }: ScriptJob): string =>
  JSON.stringify({
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [snakeCase(name), value])),
    general_rate: settings.generalRate ?? settings.rate,
    resume_file: resume?.file ?? null,
    resume_sha256: resume?.sha256 ?? null,
    ...data,
  });

/** A state that the script has written: `file` in the folder `state`, whose bytes have this hash. */
const savedState = z.object({
  done: z.number(),
  file: shortName.regex(/^state-\d+\.pt$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type SavedState = z.infer<typeof savedState>;

const scriptEvent = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('start'),
    steps: z.number(),
    device: boundedText,
    versions: boundedRecord(boundedText, boundedText),
  }),
  z.object({ event: z.literal('resumed'), done: z.number() }),
  finetuneStep.extend({ event: z.literal('step') }),
  savedState.extend({ event: z.literal('saved') }),
  z.object({ event: z.literal('writing') }),
  z.object({ event: z.literal('done'), changed: z.number(), environment: boundedText }),
  z.object({ event: z.enum(['refused', 'failed']), code: boundedText, message: boundedText }),
]);
type ScriptEvent = z.infer<typeof scriptEvent>;

/** Remedy for each refusal code of the script. */
const REMEDIES: Readonly<Record<string, string>> = {
  'nothing-to-train': 'Freeze less (--freeze), or choose other stages (--stage).',
  'no-balancing': 'Train without it: --balance 0.',
  'no-cuda': 'Train on the processor (--train-on cpu), or name a Python whose PyTorch has CUDA.',
  'not-as-source': 'This layout cannot be tuned in place: use a folder that transformers saves under the same names.',
  'loss-not-finite': 'Choose a smaller rate (--rate).',
  'state-changed': 'Let nothing else write into the folder of the run, and resume.',
};

export interface ScriptProgress {
  readonly onStart: (steps: number) => void;
  readonly onResumed: (done: number) => void;
  readonly onStep: (step: FinetuneStep) => void;
  readonly onSaved: (state: SavedState) => void;
}

export interface ScriptResult {
  readonly versions: Readonly<Record<string, string>>;
  readonly device: string;
  /** Number of tensors that changed. */
  readonly changed: number;
}

const parseEvent = (line: string): ScriptEvent => {
  try {
    return scriptEvent.parse(JSON.parse(line));
  } catch (cause) {
    throw fail(
      'script-unclear',
      `The fine-tuning script wrote an unexpected line: ${line.slice(0, 200)}`,
      'Update PyTorch and transformers, or name another Python.',
      cause,
    );
  }
};

/** Libraries have no error code for a full disk: their messages contain one of these phrases. */
const FULL_DISK = /No space left on device|Disk quota exceeded|unexpected pos \d+ vs/;

/** The same for memory: of Python, of PyTorch on the processor and on a card. */
const FULL_MEMORY = /^MemoryError|can't allocate memory|OutOfMemoryError|Cannot allocate memory/m;

const lastLines = (text: string, lines: number): string => saidAtEnd(text).split('\n').slice(-lines).join(' ');

/** Refuses packages that are not those of the training's key. @throws WorkbenchError `other-packages`. */
const requireSameEnvironment = ({ path, versions }: TrainingPython, now: string | undefined): void => {
  if (now === versions['environment']) return;
  throw fail(
    'other-packages',
    `The packages of ${path} changed since this training was begun or asked for: nothing of it is kept.`,
    'Restore them and resume, or start a new training.',
  );
};

/**
 * Runs the script to its end.
 *
 * @throws CancelledError where the signal ended it; WorkbenchError refused with the script's own code, `disk-full`;
 * failed: `other-packages`, `training-failed` with the end of what Python said.
 */
export const runTrainingScript = async (
  python: TrainingPython,
  script: string,
  jobFile: string,
  signal: AbortSignal,
  progress: ScriptProgress,
): Promise<ScriptResult> => {
  const said: { start?: Pick<ScriptResult, 'versions' | 'device'>; changed?: number } = {};
  const take = (event: ScriptEvent): void => {
    switch (event.event) {
      case 'start':
        requireSameEnvironment(python, event.versions['environment']);
        said.start = { versions: event.versions, device: event.device };
        return progress.onStart(event.steps);
      case 'resumed':
        return progress.onResumed(event.done);
      case 'step':
        return progress.onStep(event);
      case 'saved':
        return progress.onSaved(event);
      case 'writing':
        return;
      case 'done':
        requireSameEnvironment(python, event.environment);
        said.changed = event.changed;
        return;
      case 'refused':
      case 'failed':
        throw new WorkbenchError(
          event.code,
          event.event,
          event.message,
          REMEDIES[event.code] ?? 'Change the settings that it names.',
        );
    }
  };
  const {
    code,
    signal: ending,
    stderr,
  } = await runProgram(python.path, ['-u', '-B', script, jobFile, '--with-parent'], {
    signal,
    environment: { HF_HUB_OFFLINE: '1', TRANSFORMERS_VERBOSITY: 'error', TOKENIZERS_PARALLELISM: 'false' },
    onLine: (line) => take(parseEvent(line)),
  });
  if (signal.aborted) throw new CancelledError('The fine-tuning');
  if (FULL_DISK.test(stderr))
    throw refuse(
      'disk-full',
      'The disk filled up while the training wrote its state or its weights.',
      'Free some space and resume: the last complete state is kept.',
    );
  if (FULL_MEMORY.test(stderr) || (ending !== null && isLackOfMemory(ending)))
    throw fail(
      'training-memory',
      ending === null
        ? `Python ran out of memory: ${lastLines(stderr, 1)}`
        : `Python was ended by the signal ${ending}: ${endingReason(ending)}.`,
      'Close other programs, use a smaller --batch or --length or a machine with more memory, and resume: the last ' +
        'complete state is kept.',
    );
  const { start, changed } = said;
  if (code !== 0 || start === undefined || changed === undefined) {
    const last = lastLines(stderr, 3);
    throw fail(
      'training-failed',
      `Python ended with ${ending === null ? `code ${String(code)}` : `${ending} (${endingReason(ending)})`}: ` +
        (last === '' ? 'it gave no reason' : last),
      'Fix the reported problem, then resume.',
    );
  }
  return { ...start, changed };
};
