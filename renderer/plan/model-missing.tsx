import { useStore } from 'zustand';
import { EmptyState } from '../components/panel.tsx';
import { type Facts, isUsable, selectedModel, useFacts } from '../engine/facts.ts';
import { layoutStore } from '../state/layout-store.ts';

interface ModelMissingText {
  readonly icon: 'model' | 'warning';
  readonly title: string;
  readonly text: string;
}

/** Why a view has no model to show; null where the selected one can be used. */
export const modelMissingText = (
  facts: Pick<Facts, 'models' | 'selection'>,
  isFollowed: boolean,
): ModelMissingText | null => {
  const model = selectedModel(facts);
  if (isUsable(model)) return null;
  if (model !== null)
    return {
      icon: 'warning',
      title: `${model.name} cannot be used here`,
      text: model.error ?? model.info?.reasons.join(' ') ?? 'The folder cannot be opened.',
    };
  // Before the address is followed and its gaps are filled, a model is not yet selected, and one will be.
  return facts.models.length === 0 || !isFollowed
    ? { icon: 'model', title: 'Reading models and tasks…', text: 'Their folders are being read.' }
    : { icon: 'model', title: 'No model selected', text: 'Select a model on the left, or open a folder with +.' };
};

/** In place of a view that has no usable model. */
export const ModelMissing = () => {
  const isFollowed = useStore(layoutStore, (state) => state.isFollowed);
  const missing = modelMissingText(useFacts(), isFollowed);
  if (missing === null) return null;
  return (
    <EmptyState icon={missing.icon} title={missing.title}>
      {missing.text}
    </EmptyState>
  );
};
