import { refuse } from '../contract/errors.ts';
import type { RunKind, RunManifest } from '../contract/run.ts';

const titles: Readonly<Record<RunKind, string>> = {
  profile: 'a profile',
  sweep: 'a sweep',
  damage: 'a measurement of single experts',
  export: 'an export',
  verify: 'a verification',
  finetune: 'a fine-tuning',
  experiment: 'an experiment',
  reproduce: 'a reproduction',
  beside: 'a side-by-side run',
  fit: 'a search for the best model that fits',
  download: 'a download',
  push: 'an upload',
};

/** "an export": a kind of run with its article, for sentences. */
export const kindInWords = (kind: RunKind): string => titles[kind];

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
  remedy = `Choose ${titles[wanted]}.`,
): T => {
  if (run.kind === wanted) return run;
  throw refuse(otherKind[wanted], `${run.id} is ${titles[run.kind]}, not ${titles[wanted]}.`, remedy);
};
