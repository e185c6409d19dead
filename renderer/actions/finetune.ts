import { isUsable, selectedModel } from '../engine/facts.ts';
import { finetuneStore } from '../state/finetune-store.ts';
import type { Action } from './action.ts';

export const showFinetune: Action = {
  id: 'show-finetune',
  label: 'Fine-tune…',
  keywords: ['train', 'training', 'router', 'python', 'pytorch', 'epochs', 'loss'],
  menu: 'run',
  enabled: (facts) => facts.connected && isUsable(selectedModel(facts)),
  perform: () => finetuneStore.getState().show(true),
};
