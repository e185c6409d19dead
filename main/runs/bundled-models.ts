import type { RunManifest } from '../contract/run.ts';
import type { RecordedTrainings } from '../evaluation/size-trend/document.ts';

/** Shown with all numbers of the bundled models. */
export const INSTRUMENT_NOTE =
  'The models that come with the workbench are small instruments for showing and testing the method: their numbers ' +
  'are no evidence about large models.';

/** The bundled models: their folders, a function that opens one, and records of other trainings. */
export interface BundledModels {
  readonly folders: Iterable<string>;
  readonly open: (folder: string) => Promise<{ readonly fingerprint: string }>;
  readonly recorded: () => Promise<RecordedTrainings | null>;
}

/**
 * Fingerprints of the bundled models: a model is recognised by its content, wherever the run found it. Models that
 * cannot be opened are skipped; the list of models reports their errors.
 */
export const bundledFingerprints = async ({
  folders,
  open,
}: Pick<BundledModels, 'folders' | 'open'>): Promise<ReadonlySet<string>> => {
  const models = await Promise.allSettled([...folders].map(open));
  return new Set(models.flatMap((model) => (model.status === 'fulfilled' ? [model.value.fingerprint] : [])));
};

/** The note, if a run has bundled models. */
export const instrumentNotes = (
  { models }: Pick<RunManifest, 'models'>,
  bundled: ReadonlySet<string>,
): readonly string[] => (models.some(({ fingerprint }) => bundled.has(fingerprint)) ? [INSTRUMENT_NOTE] : []);
