import { selectedModel } from '../../engine/facts.ts';
import { useFacts } from '../../engine/use-facts.ts';
import { useStore } from 'zustand';
import { layoutStore } from '../../state/layout-store.ts';
import { Disclosure } from '../../components/disclosure.tsx';
import { ModelFacts } from '../models/model-facts.tsx';
import { ExpertCard } from './expert-card.tsx';
import { PointCard } from './point-card.tsx';
import './inspector.css';

/** Exact numbers of what was selected last; the model's facts are always at hand below. */
export const Inspector = () => {
  const facts = useFacts();
  const view = useStore(layoutStore, (state) => state.view);
  const model = selectedModel(facts);
  const { subject, point, layer, expert } = facts.selection;
  const onMap = view === 'routing' || view === 'prune';
  const showsPoint = point !== null && (subject === 'point' || view === 'curves') && !onMap;
  const showsExpert = layer !== null && expert !== null && !showsPoint && onMap;
  return (
    <>
      {showsPoint && <PointCard point={point} />}
      {showsExpert && <ExpertCard layer={layer} expert={expert} />}
      {!showsPoint && !showsExpert && (
        <p className="muted">
          {onMap
            ? 'Select a cell of the map to see its expert here.'
            : 'Select a point of a curve to see its numbers here.'}
        </p>
      )}
      {model !== null && (
        <Disclosure key={model.handle} summary={<strong className="inspector-model">{model.name}</strong>} open>
          <ModelFacts model={model} />
        </Disclosure>
      )}
    </>
  );
};
