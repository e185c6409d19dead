import { lazy, Suspense } from 'react';
import { useStore } from 'zustand';
import { isUsable, selectedModel, useFacts } from '../engine/facts.ts';
import { ExpertPart, ModelPart, PointPart } from '../features/inspector/inspector.tsx';
import { neighbour, selectionStore } from '../state/selection-store.ts';
import { subjects } from '../state/selection.ts';
import type { Subject } from '../state/selection.ts';

const PlanForm = lazy(async () => ({
  default: (await import('../features/plan/plan-form.tsx')).PlanForm,
}));
const PlanOutcome = lazy(async () => ({ default: (await import('../features/plan/plan-outcome.tsx')).PlanOutcome }));

const titles: Readonly<Record<Subject, string>> = { plan: 'Plan', expert: 'Expert', point: 'Point', model: 'Model' };

/** The panel on the right: plan settings and outcome, or the numbers of the last selected expert, point or model. */
export const SidePanel = () => {
  const subject = useStore(selectionStore, (state) => state.subject);
  const { explain } = selectionStore.getState();
  return (
    <>
      <div className="side-tabs" role="tablist" aria-label="Subject of the panel">
        {subjects.map((name) => (
          <button
            key={name}
            id={`side-tab-${name}`}
            type="button"
            role="tab"
            aria-selected={name === subject}
            aria-controls="side-content"
            tabIndex={name === subject ? 0 : -1}
            onClick={() => explain(name)}
            onKeyDown={(event) => {
              const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
              const next = step === 0 ? null : neighbour(subjects, name, step);
              if (next === null) return;
              explain(next);
              document.getElementById(`side-tab-${next}`)?.focus();
            }}
          >
            {titles[name]}
          </button>
        ))}
      </div>
      <div className="side-content" id="side-content" role="tabpanel" aria-labelledby={`side-tab-${subject}`}>
        {subject === 'plan' && <PlanPart />}
        {subject === 'expert' && <ExpertPart />}
        {subject === 'point' && <PointPart />}
        {subject === 'model' && <ModelPart />}
      </div>
    </>
  );
};

const PlanPart = () => {
  const model = selectedModel(useFacts());
  if (!isUsable(model)) return <p className="muted">Select a model to plan for.</p>;
  return (
    <Suspense fallback={null}>
      <PlanForm model={model} />
      <PlanOutcome />
    </Suspense>
  );
};
