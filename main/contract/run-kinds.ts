import { z } from 'zod';
import { boundedList, boundedText } from './bounds.ts';
import { refuse } from './errors.ts';
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
    command: (run) => ['beside', besideParts(run)],
    onDevice: true,
    comparesFirst: true,
  },
  export: {
    words: 'an export',
    code: 'not-an-export',
    icon: 'save',
    opens: 'export',
    command: (run) => ['export', exportParts(run)],
    makesModel: true,
    asks: () => ({ program: false, destination: true }),
  },
  verify: {
    words: 'a verification',
    code: 'not-a-verification',
    icon: 'search',
    opens: 'export',
    command: (run) => ['verify', verifyParts(run)],
  },
  finetune: {
    words: 'a fine-tuning',
    code: 'not-a-fine-tuning',
    icon: 'model',
    opens: 'training',
    command: (run) => ['finetune', finetuneParts(run)],
    makesModel: true,
    asks: () => ({ program: true, destination: true }),
  },
  experiment: {
    words: 'an experiment',
    code: 'not-an-experiment',
    icon: 'table',
    opens: 'experiment',
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
