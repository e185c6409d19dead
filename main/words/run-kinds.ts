import type { RunKind } from '../contract/run.ts';

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
};

/** "an export": a kind of run with its article, for sentences. */
export const kindInWords = (kind: RunKind): string => titles[kind];
