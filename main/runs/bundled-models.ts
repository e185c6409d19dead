import type { RunManifest } from '../contract/run.ts';
import type { RecordedTrainings } from '../evaluation/size-trend/document.ts';

/** Stands wherever numbers of the bundled models are shown. */
export const INSTRUMENT_NOTE =
  'The models that come with the workbench are small instruments for showing and testing the method: their numbers ' +
  'are no evidence about large models.';

/** The models that come with the workbench: their folders, how to open one, and what is recorded of other trainings. */
export interface BundledModels {
  readonly folders: Iterable<string>;
  readonly open: (folder: string) => Promise<{ readonly fingerprint: string }>;
  readonly recorded: () => Promise<RecordedTrainings | null>;
}

/**
 * Fingerprints of the bundled models: a model is known by what it is, wherever the run found it. One that cannot be
 * opened was not run; the list of models says what is wrong with it.
 */
export const bundledFingerprints = async ({
  folders,
  open,
}: Pick<BundledModels, 'folders' | 'open'>): Promise<ReadonlySet<string>> => {
  const models = await Promise.allSettled([...folders].map(open));
  return new Set(models.flatMap((model) => (model.status === 'fulfilled' ? [model.value.fingerprint] : [])));
};

/** The note, where a run has bundled models. */
export const instrumentNotes = (
  { models }: Pick<RunManifest, 'models'>,
  bundled: ReadonlySet<string>,
): readonly string[] => (models.some(({ fingerprint }) => bundled.has(fingerprint)) ? [INSTRUMENT_NOTE] : []);
