import { createStore } from 'zustand/vanilla';
import type { PathHandle } from '../../../main/contract/model.ts';

interface SampleState {
  /** Task whose items are shown. */
  readonly task: PathHandle | null;
  readonly split: 'calibration' | 'test';
  readonly show: (task: PathHandle | null) => void;
  readonly chooseSplit: (split: 'calibration' | 'test') => void;
}

export const sampleStore = createStore<SampleState>()((set) => ({
  task: null,
  split: 'test',
  show: (task) => set({ task }),
  chooseSplit: (split) => set({ split }),
}));
