import { z } from 'zod';
import { besideSettings } from './beside.ts';
import { boundedList, boundedText, folderName } from './bounds.ts';
import { damageSettings } from './damage.ts';
import { refuse } from './errors.ts';
import { experimentRequest } from './experiment.ts';
import { compressedType, exportFormat, ggufType, predictionChoice } from './export.ts';
import { finetuneSettings } from './finetune.ts';
import { fitRequest } from './fit.ts';
import { pathHandle } from './model.ts';
import { plan } from './plan.ts';
import { profilePurpose } from './profile.ts';
import { sweepRequest } from './sweep.ts';
import {
  besideParts,
  damageParts,
  downloadParts,
  experimentParts,
  exportParts,
  finetuneParts,
  fitParts,
  type Part,
  type RecordedWork,
  profileParts,
  pushParts,
  reproduceParts,
  sweepParts,
  verifyParts,
} from './command-parts.ts';

/** What continuing a run needs that its manifest may not decide: a program to run, a folder to write. */
export interface RunAsks {
  readonly program: boolean;
  readonly destination: boolean;
}

/**
 * A kind of run as engine and window know it: all but its settings, checks and job, which are a definition in
 * `engine/calls`.
 */
export interface KindOfRun {
  /** With its article, for sentences. */
  readonly words: string;
  /** Code of the refusal of a run of another kind. */
  readonly code: string;
  readonly icon: 'chart' | 'file' | 'model' | 'resume' | 'save' | 'search' | 'table';
  /** What a click on such a run shows. */
  readonly opens:
    | 'sweep'
    | 'damaged-experts'
    | 'profile'
    | 'beside'
    | 'fit'
    | 'export'
    | 'training'
    | 'experiment'
    | 'reproduction'
    | 'details';
  /**
   * What the call that starts one takes (`sweep.start`), from which its definition makes an order; absent: other calls
   * start it.
   */
  readonly start?: z.ZodType;
  /** The verb that makes such a run, and its arguments; null: its settings cannot be read. */
  readonly command: (run: RecordedWork) => readonly [verb: string, parts: readonly Part[] | null];
  /** An engine computes it on a device; others are computed by onnxruntime on the processor. */
  readonly onDevice?: true;
  /** Its numbers are those of its models, each of which transformers is asked about first, if at all. */
  readonly comparesFirst?: true;
  /** It shows how models answer test items. */
  readonly looksAtTest?: true;
  /** It leaves a model. */
  readonly makesModel?: true;
  /** Past participle of what it does to a model that it measures. */
  readonly measured?: string;
  /** What it asks for beside its manifest; absent: nothing. */
  readonly asks?: (spec: RecordedWork['spec']) => RunAsks;
}

const treatments = z.object({ settings: z.object({ treatments: boundedList(boundedText) }) });

/** Every other treatment of an experiment trains, including those of later versions. */
const trains = (treatment: string): boolean => treatment !== 'as-is' && treatment !== 'refit';

const kinds = {
  sweep: {
    words: 'a sweep',
    code: 'not-a-sweep',
    icon: 'chart',
    opens: 'sweep',
    start: sweepRequest,
    command: (run) => ['sweep', sweepParts(run)],
    onDevice: true,
    measured: 'swept',
    comparesFirst: true,
    looksAtTest: true,
  },
  profile: {
    words: 'a profile',
    code: 'not-a-profile',
    icon: 'table',
    opens: 'profile',
    /**
     * `methods`: also measures what these methods need beyond routing, with these options, budget and protection (their
     * pages state the cost).
     */
    start: z.object({ model: pathHandle, tasks: boundedList(pathHandle).min(1), ...profilePurpose.shape }),
    command: (run) => ['profile', profileParts(run)],
    onDevice: true,
    measured: 'profiled',
    comparesFirst: true,
  },
  damage: {
    words: 'a measurement of single experts',
    code: 'not-damage',
    icon: 'chart',
    opens: 'damaged-experts',
    start: z.object({ model: pathHandle, task: pathHandle, ...damageSettings.shape }),
    command: (run) => ['damage', damageParts(run)],
    onDevice: true,
    comparesFirst: true,
    looksAtTest: true,
  },
  beside: {
    words: 'a side-by-side run',
    code: 'not-beside',
    icon: 'file',
    opens: 'beside',
    start: z.object({ model: pathHandle, ...besideSettings.shape }),
    command: (run) => ['beside', besideParts(run)],
    onDevice: true,
    comparesFirst: true,
  },
  export: {
    words: 'an export',
    code: 'not-an-export',
    icon: 'save',
    opens: 'export',
    start: z.object({
      model: pathHandle,
      plan,
      /** Parent folder of the export, and the name of the new folder, which must not exist yet. */
      into: pathHandle,
      name: folderName,
      format: exportFormat.default('hf'),
      /** Weight type of a GGUF file; absent: as stored. */
      ggufType: ggufType.optional(),
      /** Type as which a Hugging Face folder is quantised; absent: as stored. */
      hfType: compressedType.optional(),
      /** Treatment of extra prediction layers; absent: left out. */
      mtp: predictionChoice.optional(),
      /** Compares the folder's logits with those of transformers, and refuses it if they differ. */
      referee: z.boolean().optional(),
    }),
    command: (run) => ['export', exportParts(run)],
    makesModel: true,
    asks: () => ({ program: false, destination: true }),
  },
  verify: {
    words: 'a verification',
    code: 'not-a-verification',
    icon: 'search',
    opens: 'export',
    start: z.object({ exported: pathHandle, against: pathHandle, plan }),
    command: (run) => ['verify', verifyParts(run)],
  },
  finetune: {
    words: 'a fine-tuning',
    code: 'not-a-fine-tuning',
    icon: 'model',
    opens: 'training',
    start: z.object({
      model: pathHandle,
      tasks: boundedList(pathHandle).min(1),
      settings: finetuneSettings,
      /** Parent folder of the tuned model, and the name of the new folder, which must not exist yet. */
      into: pathHandle,
      name: folderName,
      /** A Python with PyTorch and transformers; null: the workspace's own environment. */
      python: pathHandle.nullable().default(null),
      /** File of the stage `general`; null: the bundled mixture. */
      mixture: pathHandle.nullable().default(null),
      /** The unpruned model, for the stage `distil`. */
      teacher: pathHandle.nullable().default(null),
    }),
    command: (run) => ['finetune', finetuneParts(run)],
    makesModel: true,
    asks: () => ({ program: true, destination: true }),
  },
  experiment: {
    words: 'an experiment',
    code: 'not-an-experiment',
    icon: 'table',
    opens: 'experiment',
    start: experimentRequest,
    command: (run) => {
      const repeated = reproduceParts(run);
      return repeated === null ? ['experiment', experimentParts(run)] : ['reproduce', repeated];
    },
    onDevice: true,
    asks: (spec) => {
      const parsed = treatments.safeParse(spec);
      return { program: !parsed.success || parsed.data.settings.treatments.some(trains), destination: false };
    },
    comparesFirst: true,
    looksAtTest: true,
  },
  reproduce: {
    words: 'a reproduction',
    code: 'not-a-reproduction',
    icon: 'resume',
    opens: 'reproduction',
    command: (run) => ['reproduce', reproduceParts(run)],
    onDevice: true,
    measured: 'reproduced',
  },
  fit: {
    words: 'a search for the best model that fits',
    code: 'not-a-fit',
    icon: 'chart',
    opens: 'fit',
    start: fitRequest,
    command: (run) => ['fit', fitParts(run)],
    measured: 'searched',
    comparesFirst: true,
    looksAtTest: true,
  },
  download: {
    words: 'a download',
    code: 'not-a-download',
    icon: 'model',
    opens: 'details',
    command: (run) => ['download', downloadParts(run)],
    makesModel: true,
  },
  push: {
    words: 'an upload',
    code: 'not-an-upload',
    icon: 'save',
    opens: 'details',
    command: (run) => ['push', pushParts(run)],
  },
} satisfies Readonly<Record<string, KindOfRun>>;

export type RunKind = keyof typeof kinds;
export const runKinds: Readonly<Record<RunKind, KindOfRun>> = kinds;
export const runKind = z.enum(Object.keys(kinds) as RunKind[]);

/** Kinds with a call that starts them, and these calls. */
export type StartedKind = {
  [K in RunKind]: (typeof kinds)[K] extends { readonly start: z.ZodType } ? K : never;
}[RunKind];
export type StartCall = `${StartedKind}.start`;
/** What such a call takes. */
export type StartInput<K extends StartedKind> = (typeof kinds)[K]['start'];

export const startedKinds = runKind.options.filter((kind): kind is StartedKind => runKinds[kind].start !== undefined);
export const startCall = <K extends StartedKind>(kind: K): `${K}.start` => `${kind}.start`;
export const startInput = (kind: StartedKind): z.ZodType => kinds[kind].start;

/** The run, if it is of a kind; else refuses it. */
export const requireKind = <T extends { readonly id: string; readonly kind: RunKind }>(
  run: T,
  wanted: RunKind,
  remedy = `Choose ${runKinds[wanted].words}.`,
): T => {
  if (run.kind === wanted) return run;
  const { code, words } = runKinds[wanted];
  throw refuse(code, `${run.id} is ${runKinds[run.kind].words}, not ${words}.`, remedy);
};
