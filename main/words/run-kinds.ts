import { z } from 'zod';
import { boundedList, boundedText } from '../contract/bounds.ts';
import { refuse } from '../contract/errors.ts';
import type { RunKind, RunManifest } from '../contract/run.ts';
import {
  besideParts,
  damageParts,
  downloadParts,
  experimentParts,
  exportParts,
  finetuneParts,
  fitParts,
  type Part,
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

/** A kind of run as engine and window know it. Its settings, checks and job are a definition in `engine/calls`. */
export interface KindOfRun {
  /** With its article, for sentences. */
  readonly words: string;
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
  readonly command: (manifest: RunManifest) => readonly [verb: string, parts: readonly Part[] | null];
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
  readonly asks?: (spec: RunManifest['spec']) => RunAsks;
}

const treatments = z.object({ settings: z.object({ treatments: boundedList(boundedText) }) });

/** Every other treatment of an experiment trains, including those of later versions. */
const trains = (treatment: string): boolean => treatment !== 'as-is' && treatment !== 'refit';

export const runKinds: Readonly<Record<RunKind, KindOfRun>> = {
  sweep: {
    words: 'a sweep',
    icon: 'chart',
    opens: 'sweep',
    command: (manifest) => ['sweep', sweepParts(manifest)],
    onDevice: true,
    measured: 'swept',
    comparesFirst: true,
    looksAtTest: true,
  },
  profile: {
    words: 'a profile',
    icon: 'table',
    opens: 'profile',
    command: (manifest) => ['profile', profileParts(manifest)],
    onDevice: true,
    measured: 'profiled',
    comparesFirst: true,
  },
  damage: {
    words: 'a measurement of single experts',
    icon: 'chart',
    opens: 'damaged-experts',
    command: (manifest) => ['damage', damageParts(manifest)],
    onDevice: true,
    comparesFirst: true,
    looksAtTest: true,
  },
  beside: {
    words: 'a side-by-side run',
    icon: 'file',
    opens: 'beside',
    command: (manifest) => ['beside', besideParts(manifest)],
    onDevice: true,
    comparesFirst: true,
  },
  export: {
    words: 'an export',
    icon: 'save',
    opens: 'export',
    command: (manifest) => ['export', exportParts(manifest)],
    makesModel: true,
    asks: () => ({ program: false, destination: true }),
  },
  verify: {
    words: 'a verification',
    icon: 'search',
    opens: 'export',
    command: (manifest) => ['verify', verifyParts(manifest)],
  },
  finetune: {
    words: 'a fine-tuning',
    icon: 'model',
    opens: 'training',
    command: (manifest) => ['finetune', finetuneParts(manifest)],
    makesModel: true,
    asks: () => ({ program: true, destination: true }),
  },
  experiment: {
    words: 'an experiment',
    icon: 'table',
    opens: 'experiment',
    command: (manifest) => {
      const repeated = reproduceParts(manifest);
      return repeated === null ? ['experiment', experimentParts(manifest)] : ['reproduce', repeated];
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
    icon: 'resume',
    opens: 'reproduction',
    command: (manifest) => ['reproduce', reproduceParts(manifest)],
    onDevice: true,
    measured: 'reproduced',
  },
  fit: {
    words: 'a search for the best model that fits',
    icon: 'chart',
    opens: 'fit',
    command: (manifest) => ['fit', fitParts(manifest)],
    measured: 'searched',
    comparesFirst: true,
    looksAtTest: true,
  },
  download: {
    words: 'a download',
    icon: 'model',
    opens: 'details',
    command: (manifest) => ['download', downloadParts(manifest)],
    makesModel: true,
  },
  push: {
    words: 'an upload',
    icon: 'save',
    opens: 'details',
    command: (manifest) => ['push', pushParts(manifest)],
  },
};

/** "an export": a kind of run with its article, for sentences. */
export const kindInWords = (kind: RunKind): string => runKinds[kind].words;

/** Past participle for a kind of run that measures a model; null for the others. */
export const measuredWord = (kind: RunKind): string | null => runKinds[kind].measured ?? null;

/** Codes of refusals of runs of another kind. */
const otherKind = {
  sweep: 'not-a-sweep',
  experiment: 'not-an-experiment',
  reproduce: 'not-a-reproduction',
  damage: 'not-damage',
  beside: 'not-beside',
  fit: 'not-a-fit',
} as const;

/** The run, if it is of a kind; else refuses it, by the code above. */
export const requireKind = <T extends Pick<RunManifest, 'id' | 'kind'>>(
  run: T,
  wanted: keyof typeof otherKind,
  remedy = `Choose ${kindInWords(wanted)}.`,
): T => {
  if (run.kind === wanted) return run;
  throw refuse(otherKind[wanted], `${run.id} is ${kindInWords(run.kind)}, not ${kindInWords(wanted)}.`, remedy);
};
